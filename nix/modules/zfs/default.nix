# ZFS on a host: the pools disko makes, what keeps them healthy, snapshots and their copies on other hosts.
{
  imports = [
    ../secrets.nix
    ./assertions.nix
    ./datasets.nix
    ./encryption.nix
    ./events.nix
    ./host.nix
    ./options.nix
    ./pools.nix
    ./receive.nix
    ./send.nix
    ./snapshots.nix
  ];
}
