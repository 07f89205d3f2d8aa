# Settings of k8s-2 that are yours; `pyhomelab gen` made this file once and never touches it again.
{ ... }:
{
}
