# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    cpuVendor = "intel";
    bridges = [ "br-lan" ];
    guests.k8s-3 = {
      uuid = "91f8f09b-b411-588c-a311-f42d5f87003c";
      cpus = 4;
      memoryMiB = 8192;
      cpuModel = "host-passthrough";
      firmware = "uefi";
      disks = [
        {
          name = "root";
          kind = "zvol";
          source = "/dev/zvol/tank/guests/k8s-3-root";
          dataset = "tank/guests/k8s-3-root";
          size = "60G";
        }
      ];
      interfaces = [
        {
          name = "lan";
          bridge = "br-lan";
          mac = "52:54:00:68:0a:e1";
        }
      ];
    };
  };
}
