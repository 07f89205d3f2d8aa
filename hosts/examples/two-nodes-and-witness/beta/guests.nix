# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    cpuVendor = "amd";
    bridges = [ "br-guests" ];
    guests.cloud = {
      uuid = "1178314d-4e3f-55a0-8c6e-1341898010d2";
      cpus = 4;
      memoryMiB = 8192;
      cpuModel = "host-passthrough";
      firmware = "uefi";
      disks = [
        {
          name = "root";
          kind = "drbd";
          source = "/dev/drbd/by-res/cloud/0";
          resource = "cloud";
        }
      ];
      interfaces = [
        {
          name = "guests";
          bridge = "br-guests";
          mac = "52:54:00:a9:2d:08";
        }
      ];
    };
  };
}
