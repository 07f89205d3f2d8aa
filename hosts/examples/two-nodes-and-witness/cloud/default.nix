# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
  ];

  networking.hostName = "cloud";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab = {
    base = {
      enable = true;
      hardware = "kvm-guest";
    };

    network = {
      enable = true;
      links.guests.mac = "52:54:00:a9:2d:08";
      interfaces.guests = {
        network = "guests";
        addresses = [ "10.0.30.11/24" ];
        gateway = "10.0.30.1";
        dns = [ "10.0.30.1" ];
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
