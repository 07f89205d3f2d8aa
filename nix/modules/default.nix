# Every concern of a lab's machine; each is off until its `enable` says otherwise.
{
  imports = [
    ./base
    ./drbd
    ./k3s
    ./kubeadm
    ./kvm
    ./network
    ./secrets.nix
    ./system-disk
    ./vip.nix
    ./zfs
  ];
}
