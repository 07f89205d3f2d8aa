# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    cpuVendor = "intel";
    nested = true;
    bridges = [ "br-lan" ];
    guests = {
      k8s-2 = {
        uuid = "677290c0-e161-58f0-83ce-aca7d9a89a03";
        cpus = 4;
        memoryMiB = 8192;
        cpuModel = "host-passthrough";
        firmware = "uefi";
        disks = [
          {
            name = "root";
            kind = "zvol";
            source = "/dev/zvol/tank/guests/k8s-2-root";
            dataset = "tank/guests/k8s-2-root";
            size = "60G";
          }
        ];
        interfaces = [
          {
            name = "lan";
            bridge = "br-lan";
            mac = "52:54:00:e8:a5:77";
          }
        ];
      };
      nas = {
        uuid = "340fdc85-427f-55b8-ada7-2984a4ea61e5";
        cpus = 2;
        memoryMiB = 4096;
        cpuModel = "host-passthrough";
        firmware = "uefi";
        disks = [
          {
            name = "root";
            kind = "drbd";
            source = "/dev/drbd/by-res/vmstore/0";
            resource = "vmstore";
          }
        ];
        interfaces = [
          {
            name = "lan";
            bridge = "br-lan";
            mac = "52:54:00:33:9b:20";
          }
        ];
      };
    };
  };
}
