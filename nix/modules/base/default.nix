# What every machine of a lab has in common: who may log in, the clock, updates, and how it comes back by itself.
{
  imports = [
    ./boot.nix
    ./firewall.nix
    ./hardware.nix
    ./nix.nix
    ./options.nix
    ./packages.nix
    ./place.nix
    ./proof.nix
    ./ssh.nix
    ./users.nix
    ./watchdog.nix
  ];
}
