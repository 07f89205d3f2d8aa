# A machine of a cluster that kubeadm makes: containerd, the kubelet, and units that start, join and upgrade it.
{
  imports = [
    ../k3s/node.nix
    ../secrets.nix
    ./checks.nix
    ./configuration.nix
    ./containerd.nix
    ./init.nix
    ./join-window.nix
    ./join.nix
    ./kubelet.nix
    ./options.nix
    ./pod-network.nix
    ./ports.nix
    ./upgrade.nix
  ];
}
