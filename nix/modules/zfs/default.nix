# ZFS on a host: the pools disko makes, what keeps them healthy, snapshots and their copies on other hosts.
{
  imports = [
    ../secrets.nix
    ./options.nix
  ];
}
