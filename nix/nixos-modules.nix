# Each concern as a module of its own, with what it needs from disko and sops-nix, and all of them as `default`.
{ disko, sops-nix }:
let
  disks = disko.nixosModules.disko;
  secrets = sops-nix.nixosModules.sops;
  concern = path: needs: { imports = [ path ] ++ needs; };
in
{
  default = concern ./modules [
    disks
    secrets
  ];
  base = concern ./modules/base [ ];
  drbd = concern ./modules/drbd [ secrets ];
  k3s = concern ./modules/k3s [ secrets ];
  kubeadm = concern ./modules/kubeadm [ secrets ];
  kvm = concern ./modules/kvm [ ];
  network = concern ./modules/network [ ];
  secrets = concern ./modules/secrets.nix [ secrets ];
  systemDisk = concern ./modules/system-disk [
    disks
    secrets
  ];
  vip = concern ./modules/vip.nix [ ];
  zfs = concern ./modules/zfs [
    disks
    secrets
  ];
}
