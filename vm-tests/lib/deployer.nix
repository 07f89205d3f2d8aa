# A host from which others are deployed to: the program, the lab and the key of its admin.
{ lab, pyhomelab }:
{
  environment.systemPackages = [ pyhomelab ];
  environment.etc = {
    "homelab/lab".source = lab;
    "homelab/key".source = ./key/id_ed25519;
  };
}
