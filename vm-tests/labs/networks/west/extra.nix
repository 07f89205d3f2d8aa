# Settings of west that are yours; `pyhomelab gen` made this file once and never touches it again.
{ ... }:
{
}
