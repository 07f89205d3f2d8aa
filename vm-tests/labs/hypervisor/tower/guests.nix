# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    bridges = [ "br-lan" ];
    guests.lodger = {
      uuid = "ff91d142-6490-5dd0-b498-133beec301b1";
      cpus = 1;
      memoryMiB = 512;
      cpuModel = "host-passthrough";
      firmware = "uefi";
      disks = [
        {
          name = "root";
          kind = "zvol";
          source = "/dev/zvol/tank/guests/lodger-root";
          dataset = "tank/guests/lodger-root";
          size = "10G";
        }
      ];
      interfaces = [
        {
          name = "lan";
          bridge = "br-lan";
          mac = "52:54:00:19:68:d8";
        }
      ];
    };
  };
}
