# Settings of desk that are yours; `pyhomelab gen` made this file once and never touches it again.
{ ... }:
{
}
