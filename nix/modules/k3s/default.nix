# A machine of a k3s cluster: server with embedded etcd, single server, or agent.
{
  imports = [
    ../secrets.nix
    ./checks.nix
    ./first-server.nix
    ./node.nix
    ./options.nix
    ./ports.nix
    ./registries.nix
    ./service.nix
  ];
}
