# The links of a machine as systemd-networkd units: bonds, VLANs and bridges, their addresses and what is open on them.
{
  imports = [
    ./checks-addresses.nix
    ./checks-stack.nix
    ./firewall.nix
    ./names.nix
    ./netdevs.nix
    ./networks.nix
    ./options.nix
  ];
}
