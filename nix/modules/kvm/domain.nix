# A guest as the text of a libvirt domain.
{ lib }:
{
  name,
  # Name of the host that runs it.
  host,
  guest,
  # Size of one of the host's hugepages ("1G", "2M"), or null.
  pageSize ? null,
}:
let
  xml = import ./xml.nix { inherit lib; };
  inherit (xml) element empty;
  devices = import ./devices.nix { inherit lib; } { inherit name guest; };

  # By this element a guest is known to be ours. It names the host, so that a guest that migrated here is left alone.
  marker = empty "homelab:guest" {
    "xmlns:homelab" = "urn:pyhomelab:guest:1";
    inherit host;
  };

  # Left to itself libvirt picks any firmware that fits, also one that refuses unsigned boot loaders such as
  # NixOS's; a firmware file named here would be a store path and gone after the next garbage collection.
  uefi = element "os" { firmware = "efi"; } [
    machine
    (element "firmware" { } [
      (empty "feature" {
        enabled = "no";
        name = "secure-boot";
      })
    ])
  ];
  # There is no screen: SeaBIOS and what it starts speak over the serial line.
  bios = element "os" { } [
    machine
    (empty "bios" { useserial = "yes"; })
  ];
  # q35 without a version: libvirt writes the newest one down whenever the guest is defined, so a guest gets
  # today's chipset at its next start and keeps it while it runs.
  machine = element "type" {
    arch = "x86_64";
    machine = "q35";
  } "hvm";

  cpu =
    if guest.cpuModel == "host-passthrough" then
      element "cpu" {
        mode = "host-passthrough";
        check = "none";
        migratable = "on"; # hides only what could not follow the guest to an equal host
      } topology
    else if guest.cpuModel == "host-model" then
      element "cpu" {
        mode = "host-model";
        check = "partial";
      } topology
    else
      element "cpu" {
        mode = "custom";
        match = "exact";
        check = "partial";
      } ([ (element "model" { fallback = "forbid"; } guest.cpuModel) ] ++ topology);
  # One socket: QEMU's own choice is a socket for each processor, which schedulers and licences take for real ones.
  topology = [
    (empty "topology" {
      sockets = 1;
      cores = guest.cpus;
      threads = 1;
    })
  ];

  hugepages = element "memoryBacking" { } [
    (element "hugepages" { } [
      (empty "page" {
        size = lib.head (lib.match "([0-9]+).*" pageSize);
        unit = "${lib.last (lib.stringToCharacters pageSize)}iB";
      })
    ])
  ];

  timer = name: attrs: empty "timer" ({ inherit name; } // attrs);
in
xml.toText (
  element "domain" { type = "kvm"; } [
    (element "name" { } name)
    (element "uuid" { } guest.uuid)
    (element "description" { }
      "Made from the inventory; an edit is lost when the host next defines the guest."
    )
    (element "metadata" { } [ marker ])
    (element "memory" { unit = "MiB"; } guest.memoryMiB)
    (lib.optional (guest.hugepages && pageSize != null) hugepages)
    (element "vcpu" { placement = "static"; } guest.cpus)
    (element "iothreads" { } 1) # disks are served beside QEMU's main loop, whose lock the processors wait for
    (if guest.firmware == "uefi" then uefi else bios)
    (element "features" { } [
      (empty "acpi" { })
      (empty "apic" { })
      (empty "vmport" { state = "off"; }) # VMware's back door
    ])
    cpu
    # Linux keeps time by kvmclock; these keep a lost tick or a slow HPET from getting in its way.
    (element "clock" { offset = "utc"; } [
      (timer "rtc" { tickpolicy = "catchup"; })
      (timer "pit" { tickpolicy = "delay"; })
      (timer "hpet" { present = "no"; })
    ])
    (element "on_poweroff" { } "destroy")
    (element "on_reboot" { } "restart")
    (element "on_crash" { } "restart")
    # A server that goes to sleep looks dead and nobody wakes it.
    (element "pm" { } [
      (empty "suspend-to-mem" { enabled = "no"; })
      (empty "suspend-to-disk" { enabled = "no"; })
    ])
    (element "devices" { } devices)
  ]
)
