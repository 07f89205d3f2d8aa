# A machine of a cluster that kubeadm makes: containerd, the kubelet, and units that start, join and upgrade it.
{
  imports = [
    ./options.nix
  ];
}
