# The devices of a guest's domain.
{ lib }:
{ name, guest }:
let
  inherit (import ./xml.nix { inherit lib; }) element empty;

  card =
    { bridge, mac, ... }:
    element "interface" { type = "bridge"; } [
      (empty "mac" { address = mac; })
      (empty "source" { inherit bridge; })
      (empty "model" { type = "virtio"; })
      # With one queue all packets of a guest cross one processor; more than four gain nothing at 10 Gbit/s.
      (empty "driver" (
        {
          name = "vhost";
        }
        // lib.optionalAttrs (guest.cpus > 1) { queues = lib.min guest.cpus 4; }
      ))
    ];

  passedThrough =
    address:
    let
      part = lib.elemAt (lib.match "(.{4}):(.{2}):(.{2})\\.(.)" address);
    in
    element "hostdev"
      {
        mode = "subsystem";
        type = "pci";
        managed = "yes"; # libvirt takes it from its driver at start and gives it back at the end
      }
      [
        (empty "driver" { name = "vfio"; })
        (element "source" { } [
          (empty "address" {
            domain = "0x${part 0}";
            bus = "0x${part 1}";
            slot = "0x${part 2}";
            function = "0x${part 3}";
          })
        ])
      ];

  # A guest with a device of its own has all its memory pinned, and hugepages were set aside at boot: there is
  # nothing to give back. Others return freed pages by themselves, which is what lets a small host carry them.
  balloon =
    if guest.pci != [ ] || guest.hugepages then
      empty "memballoon" { model = "none"; }
    else
      element "memballoon"
        {
          model = "virtio";
          freePageReporting = "on";
        }
        [
          (empty "stats" { period = 10; })
        ];

  # No screen: a console over ssh (`virsh console`) shows all a server says, and the log what it said last.
  console = [
    (element "serial" { type = "pty"; } [
      (empty "log" {
        file = "/var/log/libvirt/qemu/${name}-console.log";
        append = "on";
      })
      (empty "target" { port = 0; })
    ])
    (element "console" { type = "pty"; } [
      (empty "target" {
        type = "serial";
        port = 0;
      })
    ])
  ];
in
[
  (element "emulator" { } "/run/libvirt/nix-emulators/qemu-system-x86_64") # outlives the store path behind it
  (import ./disks.nix { inherit lib; } guest)
  (map card guest.interfaces)
  (map passedThrough guest.pci)
  # For a stick plugged in later with `virsh attach-device`.
  (empty "controller" {
    type = "usb";
    model = "qemu-xhci";
  })
  console
  (element "channel" { type = "unix"; } [
    (empty "target" {
      type = "virtio";
      name = "org.qemu.guest_agent.0";
    })
  ])
  # Without it a guest's first boot waits for randomness while it makes its ssh host keys.
  (element "rng" { model = "virtio"; } [
    (element "backend" { model = "random"; } "/dev/urandom")
  ])
  # homelab.base in the guest feeds it; one that hangs is reset.
  (empty "watchdog" {
    model = "i6300esb";
    action = "reset";
  })
  (empty "panic" { model = "isa"; }) # tells libvirt of a kernel panic, so that on_crash happens
  balloon
]
