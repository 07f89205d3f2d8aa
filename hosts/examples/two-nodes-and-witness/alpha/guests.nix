# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab.kvm = {
    enable = true;
    cpuVendor = "amd";
    iommu = true;
    vfioIds = [ "10de:1eb8" ];
    hugepages = {
      size = "1G";
      count = 16;
    };
    bridges = [ "br-guests" ];
    guests = {
      mail = {
        uuid = "936494c0-17b0-52f5-a83f-9d3c6f88dad2";
        cpus = 2;
        memoryMiB = 4096;
        cpuModel = "host-passthrough";
        firmware = "uefi";
        disks = [
          {
            name = "root";
            kind = "drbd";
            source = "/dev/drbd/by-res/mail/0";
            resource = "mail";
          }
        ];
        interfaces = [
          {
            name = "guests";
            bridge = "br-guests";
            mac = "52:54:00:a8:53:3b";
          }
        ];
      };
      media = {
        uuid = "57b89a1e-a630-5550-8b8a-95dbeef03bd3";
        cpus = 6;
        memoryMiB = 16384;
        cpuModel = "host-passthrough";
        firmware = "uefi";
        hugepages = true;
        disks = [
          {
            name = "root";
            kind = "zvol";
            source = "/dev/zvol/tank/guests/media-root";
            dataset = "tank/guests/media-root";
            size = "40G";
          }
          {
            name = "cache";
            kind = "file";
            source = "/var/lib/libvirt/images/media-cache.qcow2";
            size = "60G";
            format = "qcow2";
          }
        ];
        interfaces = [
          {
            name = "guests";
            bridge = "br-guests";
            mac = "52:54:00:af:9d:99";
          }
        ];
        pci = [ "0000:0a:00.0" ];
      };
    };
  };
}
