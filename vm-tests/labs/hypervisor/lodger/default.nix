# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
  ];

  networking.hostName = "lodger";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base = {
      enable = true;
      hardware = "kvm-guest";
    };

    network = {
      enable = true;
      links.lan.mac = "52:54:00:19:68:d8";
      interfaces.lan = {
        network = "lan";
        addresses = [ "192.168.14.21/24" ];
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
