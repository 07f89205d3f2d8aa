# Shell that makes a guest's disks ready and then defines it.
{ lib }:
{
  name,
  disks,
  xml,
}:
let
  argumentsOf =
    disk:
    if disk.kind == "zvol" && disk.size != null then
      [
        "zvol"
        name
        disk.dataset
        disk.size
      ]
    else if disk.kind == "file" && disk.size != null then
      [
        "file"
        name
        disk.format
        disk.source
        disk.size
      ]
    # DRBD volumes have the size homelab.drbd gave them; what has no size is somebody else's to make.
    else
      [
        "present"
        name
        disk.source
      ];
  lines = map (disk: [ "homelab-guest-disk" ] ++ argumentsOf disk) disks ++ [
    [
      "homelab-guest"
      "define"
      name
      "${xml}"
    ]
  ];
in
lib.concatMapStrings (line: "${lib.escapeShellArgs line}\n") lines
