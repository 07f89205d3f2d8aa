# The disks of a guest's domain.
{ lib }:
guest:
let
  inherit (import ./xml.nix { inherit lib; }) element empty;

  # A page cache under the guest's own would hold everything twice, beside ZFS's ARC a third time, and on DRBD it
  # would be stale after the other host has written: cache=none. Volumes take native asynchronous I/O; a sparse
  # image file does not, because allocating a block makes the submitting thread wait.
  driver =
    disk:
    empty "driver" {
      name = "qemu";
      type = disk.format;
      cache = "none";
      io = if disk.kind == "file" then "threads" else "native";
      discard = "unmap"; # what the guest trims returns to the thin volume or the sparse file
      iothread = 1;
    };

  blockOf =
    index: disk:
    let
      isFile = disk.kind == "file";
    in
    element "disk"
      {
        type = if isFile then "file" else "block";
        device = "disk";
      }
      [
        (driver disk)
        (empty "source" { ${if isFile then "file" else "dev"} = disk.source; })
        (empty "target" {
          dev = "vd${lib.elemAt lib.strings.lowerChars index}";
          bus = "virtio";
        })
        (element "serial" { } disk.name)
        (lib.optional (index == 0) (empty "boot" { order = 1; }))
      ];

  # After the first disk, so it boots only while that holds no system. An image deleted later does no harm.
  installer =
    element "disk"
      {
        type = "file";
        device = "cdrom";
      }
      [
        (empty "driver" {
          name = "qemu";
          type = "raw";
        })
        (empty "source" {
          file = guest.installer;
          startupPolicy = "optional";
        })
        (empty "target" {
          dev = "sda";
          bus = "sata";
        })
        (empty "readonly" { })
        (empty "boot" { order = 2; })
      ];
in
[
  (lib.imap0 blockOf guest.disks)
  (lib.optional (guest.installer != null) installer)
]
