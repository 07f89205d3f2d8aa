# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    cpuVendor = "intel";
    nested = true;
    bridges = [ "br-lan" ];
    guests.k8s-1 = {
      uuid = "18f11012-ed34-505b-b14d-5dd8726df016";
      cpus = 4;
      memoryMiB = 8192;
      cpuModel = "host-passthrough";
      firmware = "uefi";
      disks = [
        {
          name = "root";
          kind = "zvol";
          source = "/dev/zvol/tank/guests/k8s-1-root";
          dataset = "tank/guests/k8s-1-root";
          size = "60G";
        }
      ];
      interfaces = [
        {
          name = "lan";
          bridge = "br-lan";
          mac = "52:54:00:17:fe:f3";
        }
      ];
    };
  };
}
