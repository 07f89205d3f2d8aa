# The links of a machine as systemd-networkd units: bonds, VLANs and bridges, their addresses and what is open on them.
{
  imports = [
    ./options.nix
  ];
}
