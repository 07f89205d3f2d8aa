# A guest as a host runs it. Its disk is blank: what is looked at is the virtual machine, not a system in it.
# The builder has to offer nested virtualisation.
{
  lab = ./labs/hypervisor;
  cards.eno1 = 1;
  boots = [ "tower" ];
  memory = 3072;

  # A blank guest hears no request to shut down.
  machines.tower.homelab.kvm.shutdownTimeout = 5;

  testScript = ''
    disk = "/dev/zvol/tank/guests/lodger-root"

    boot_with_pools(tower)
    tower.succeed("test -c /dev/kvm")

    with subtest("the guest of the inventory is defined and runs, as the inventory says"):
        verify(tower)
        assert tower.succeed("virsh list --name").split() == ["lodger"]
        assert tower.succeed("virsh domuuid lodger").strip() == "ff91d142-6490-5dd0-b498-133beec301b1"
        assert disk in tower.succeed("virsh domblklist lodger")
        card = tower.succeed("virsh domiflist lodger")
        assert "br-lan" in card, card

    with subtest("its disk was made, of the size of the inventory"):
        assert tower.succeed("zfs get -H -p -o value volsize tank/guests/lodger-root") == f"{10 * 1024**3}\n"

    with subtest("it is started again after a reboot of its host, on the same disk"):
        tower.succeed(f"echo kept | dd of={disk} bs=512 seek=64 conv=notrunc oflag=sync")
        tower.shutdown()
        tower.start()
        tower.wait_for_unit("multi-user.target")
        verify(tower)
        assert tower.succeed(f"dd if={disk} bs=512 skip=64 count=1 | head -c 4") == "kept"

    with subtest("the check of the guest can fail: it does when the guest is off, and holds when its unit started it"):
        tower.succeed("virsh destroy lodger")
        verify_fails(tower, "guest lodger is running")
        tower.succeed("systemctl restart homelab-guest-lodger.service")
        verify(tower)

    with subtest("a guest that left the inventory is undefined, and its disk is kept"):
        forget = tower.succeed("systemctl show --property=ExecStart --value homelab-guests-forget.service")
        program = forget.split("path=")[1].split(" ")[0]
        tower.succeed("systemctl stop homelab-guest-lodger.service")
        tower.succeed(f"LIBVIRT_DEFAULT_URI=qemu:///system {program} tower 5")
        assert tower.succeed("virsh list --all --name").split() == []
        assert tower.succeed(f"dd if={disk} bs=512 skip=64 count=1 | head -c 4") == "kept"

    with subtest("a guest that comes back finds its disk as it was"):
        tower.succeed("systemctl start homelab-guest-lodger.service")
        verify(tower)
        assert tower.succeed(f"dd if={disk} bs=512 skip=64 count=1 | head -c 4") == "kept"
  '';
}
