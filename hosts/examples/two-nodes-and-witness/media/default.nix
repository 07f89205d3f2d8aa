# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
  ];

  networking.hostName = "media";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base = {
      enable = true;
      hardware = "kvm-guest";
    };

    network = {
      enable = true;
      links.guests.mac = "52:54:00:af:9d:99";
      interfaces.guests = {
        network = "guests";
        dhcp = true;
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
