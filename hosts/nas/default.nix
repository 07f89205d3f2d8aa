# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
  ];

  networking.hostName = "nas";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base = {
      enable = true;
      hardware = "kvm-guest";
    };

    network = {
      enable = true;
      links.lan.mac = "52:54:00:33:9b:20";
      interfaces.lan = {
        network = "lan";
        addresses = [ "192.168.10.30/24" ];
        gateway = "192.168.10.1";
        dns = [ "192.168.10.1" ];
      };
    };

    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/virtio-root";
      firmware = "uefi";
      filesystem = "ext4";
    };
  };
}
