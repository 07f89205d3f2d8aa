# Guests that could not work, found before anything is built.
{ config, lib, ... }:
let
  cfg = config.homelab.kvm;
  host = config.networking.hostName;
  guests = lib.mapAttrsToList (name: guest: guest // { inherit name; }) cfg.guests;
  inherit (lib) concatStringsSep;

  on = what: "homelab.kvm on ${host}: ${what}";
  check = assertion: what: {
    inherit assertion;
    message = on what;
  };
  ofGuest =
    guest: assertion: what:
    check assertion "guests.${guest.name}.${what}";

  # Values that more than one guest has: { value = [ "guest" … ]; }.
  shared =
    valuesOf:
    lib.filterAttrs (_: owners: lib.length owners > 1) (
      lib.zipAttrs (
        lib.concatMap (guest: map (value: { ${value} = guest.name; }) (valuesOf guest)) guests
      )
    );
  onlyOnce =
    option: wayOut: valuesOf:
    lib.mapAttrsToList (
      value: owners:
      check false "${option} ${value} is used by ${concatStringsSep " and " owners}; ${wayOut}"
    ) (shared valuesOf);

  ofDisk =
    guest: disk:
    let
      here = "disks: ${disk.name} ";
    in
    [
      # virtio-blk has room for 20 characters and cuts the rest off without a word.
      (ofGuest guest (
        lib.stringLength disk.name <= 20
      ) "${here}is longer than the 20 characters of a disk's serial number; shorten its name")
      (ofGuest guest (disk.source != null) "${here}has no source; set source, dataset or resource")
      (ofGuest guest (disk.kind != "zvol" || disk.dataset != null)
        "${here}is a zvol without a dataset; set dataset to the volume, such as tank/guests/${guest.name}-root"
      )
      (ofGuest guest (
        disk.kind != "zvol" || config.boot.zfs.enabled
      ) "${here}is a zvol but this host has no ZFS; set homelab.zfs.enable or use kind = \"file\"")
      (ofGuest guest (
        disk.kind != "drbd" || disk.resource != null
      ) "${here}is on DRBD without a resource; set resource to its name in homelab.drbd.resources")
      (ofGuest guest
        (
          disk.kind != "drbd"
          || disk.resource == null
          || !(config.homelab.drbd.enable or false)
          || config.homelab.drbd.resources ? ${disk.resource}
        )
        "${here}is on ${toString disk.resource}, which homelab.drbd.resources of this host lacks; add it there or move the guest"
      )
      (ofGuest guest (disk.kind == "file" || disk.format == "raw")
        "${here}is a ${disk.kind} in format ${disk.format}; volumes are raw, use kind = \"file\" for ${disk.format}"
      )
    ];

  ofOne =
    guest:
    [
      # The name is a unit's and a file's; virsh takes one of digits only for the number of a running guest.
      (ofGuest guest
        (
          lib.match "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?" guest.name != null
          && lib.match "[0-9]+" guest.name == null
        )
        "name: must be lower-case letters, digits and inner dashes, at most 63, and not a number; rename the guest"
      )
      (ofGuest guest (
        lib.length guest.disks <= 26
      ) "disks: more than 26 disks, and letters end at vdz; use fewer, larger ones")
      (ofGuest guest (lib.allUnique (
        map (disk: disk.name) guest.disks
      )) "disks: two have the same name and would be one under /dev/disk/by-id; rename one")
      (ofGuest guest (
        guest.pci == [ ] || cfg.iommu
      ) "pci: a PCI device can be handed over only with the IOMMU; set homelab.kvm.iommu = true")
      (ofGuest guest (
        !guest.hugepages || cfg.hugepages != null
      ) "hugepages: this host sets none aside; set homelab.kvm.hugepages or turn it off for the guest")
      (ofGuest guest (!guest.hugepages || cfg.hugepages == null || lib.mod guest.memoryMiB pageMiB == 0)
        "memoryMiB: ${toString guest.memoryMiB} is no whole number of ${cfg.hugepages.size} pages; make it a multiple of ${toString pageMiB}"
      )
    ]
    ++ map (
      card:
      ofGuest guest (lib.elem card.bridge cfg.bridges)
        "interfaces: ${card.name} is on the bridge ${card.bridge}, which homelab.kvm.bridges (${
          if cfg.bridges == [ ] then "none" else concatStringsSep ", " cfg.bridges
        }) lacks; add it there or choose another"
    ) guest.interfaces
    ++ lib.concatMap (ofDisk guest) guest.disks;

  pageMiB =
    if cfg.hugepages == null then
      1
    else
      {
        "1G" = 1024;
        "2M" = 2;
      }
      .${cfg.hugepages.size};
  neededMiB = lib.foldl' (
    sum: guest: if guest.hugepages && guest.autostart then sum + guest.memoryMiB else sum
  ) 0 guests;
  setAsideMiB = if cfg.hugepages == null then 0 else cfg.hugepages.count * pageMiB;
in
{
  config.assertions = lib.mkIf cfg.enable (
    lib.concatMap ofOne guests
    ++ onlyOnce "the UUID" "give each guest its own" (guest: [ guest.uuid ])
    ++ onlyOnce "the MAC address" "give each card its own" (
      guest: map (card: card.mac) guest.interfaces
    )
    ++ onlyOnce "the disk" "two systems writing one disk destroy it; give each guest its own" (
      guest: map (disk: disk.source) (lib.filter (disk: disk.source != null) guest.disks)
    )
    ++ onlyOnce "the PCI device" "a device has one owner; take it from one of them" (guest: guest.pci)
    ++ [
      (check (cfg.vfioIds == [ ] || cfg.iommu)
        "vfioIds keeps devices for guests, which need the IOMMU; set homelab.kvm.iommu = true or empty vfioIds"
      )
      (check (cfg.hugepages == null || neededMiB <= setAsideMiB)
        "hugepages: the guests that start with this host need ${toString neededMiB} MiB of them, ${toString setAsideMiB} MiB are set aside; raise hugepages.count to ${
          toString ((neededMiB + pageMiB - 1) / pageMiB)
        }"
      )
    ]
  );
}
