# A machine of a k3s cluster: server with embedded etcd, single server, or agent.
{
  imports = [
    ./options.nix
  ];
}
