# What guests need of the kernel under them.
{ config, lib, ... }:
let
  cfg = config.homelab.kvm;
  modules = {
    intel = "kvm_intel";
    amd = "kvm_amd";
  };
  # Options of a module that is never loaded do nothing, so an unknown processor gets both.
  ofProcessor =
    if cfg.cpuVendor == null then lib.attrValues modules else [ modules.${cfg.cpuVendor} ];
in
{
  config = lib.mkIf cfg.enable {
    boot = {
      kernelModules = [ "vhost_net" ] ++ lib.optional (cfg.cpuVendor != null) modules.${cfg.cpuVendor};

      # Said either way: kernels have nesting on by default, and a guest that needs none is better off not seeing it.
      extraModprobeConfig = lib.concatMapStrings (module: ''
        options ${module} nested=${if cfg.nested then "1" else "0"}
      '') ofProcessor;

      kernelParams =
        # AMD's IOMMU is on by itself. "pt" spares devices that stay with the host the translation.
        lib.optionals cfg.iommu (lib.optional (cfg.cpuVendor != "amd") "intel_iommu=on" ++ [ "iommu=pt" ])
        ++ lib.optional (cfg.vfioIds != [ ]) "vfio-pci.ids=${lib.concatStringsSep "," cfg.vfioIds}"
        # At boot, before memory is in pieces: later not one whole GiB may be left. The default size is what
        # /dev/hugepages is mounted with, and that is where libvirt looks.
        ++ lib.optionals (cfg.hugepages != null) [
          "default_hugepagesz=${cfg.hugepages.size}"
          "hugepagesz=${cfg.hugepages.size}"
          "hugepages=${toString cfg.hugepages.count}"
        ];

      # In the initrd, to be there before the devices' own drivers.
      initrd.kernelModules = lib.optionals (cfg.vfioIds != [ ]) [
        "vfio_pci"
        "vfio"
        "vfio_iommu_type1"
      ];
    };
  };
}
