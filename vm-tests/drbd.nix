# A volume with two copies and a witness: either host may fail, and none writes alone.
{
  lab = ./labs/volumes;
  cards = {
    eno1 = 1;
    eno2 = 2;
  };
  memory = 2048;
  secrets.drbd-data = "not-a-secret";

  testScript = ''
    device = "/dev/drbd/by-res/data/0"
    write = f"dd if=/dev/zero of={device} bs=4096 count=1 oflag=direct conv=notrunc"


    def open_on(host: Booted) -> None:
        """Mount the volume as soon as nobody else has it open."""
        host.succeed("mkdir -p /mnt", f"for n in $(seq 30); do mount {device} /mnt && exit 0; sleep 1; done; exit 1")


    witness.start()
    boot_with_pools(left, right)
    witness.wait_for_unit("multi-user.target")

    with subtest("a new volume is ready when its hosts have seen each other, and nobody typed anything"):
        for host in (left, right, witness):
            verify(host)

    with subtest("what is written on one host is read on the other"):
        left.succeed(f"mkfs.ext4 -q {device}")
        open_on(left)
        left.succeed("echo first > /mnt/file", "umount /mnt")
        open_on(right)
        assert right.succeed("cat /mnt/file") == "first\n"
        right.succeed("umount /mnt")

    with subtest("when the host that writes loses its power, the other goes on with all that was written"):
        open_on(left)
        left.succeed("echo second > /mnt/file", "sync")
        left.crash()
        open_on(right)
        assert right.succeed("cat /mnt/file") == "second\n"
        right.succeed("echo third > /mnt/file", "sync", "umount /mnt")

    with subtest("a host that comes back takes over what it missed, and nobody has to settle a split brain"):
        left.start()
        left.wait_for_unit("multi-user.target")
        for host in (left, right, witness):
            verify(host, "drbd")
        open_on(left)
        assert left.succeed("cat /mnt/file") == "third\n"
        left.succeed("umount /mnt")

    with subtest("the copies are equal, block by block"):
        left.succeed("systemctl start homelab-drbd-data-verify.service")

    with subtest("a host and the witness are enough to write, and a host alone is not"):
        right.succeed("ip link set eno2 down")
        verify_fails(right, "volume data is connected to left and witness", "volume data has its quorum")
        assert "volume data has its quorum" not in failing(left, "drbd")
        open_on(left)
        left.succeed("echo fourth > /mnt/file", "sync", "umount /mnt")
        right.fail(f"timeout 60 {write}")

    with subtest("the check of the quorum can fail, as just seen, and holds again when the cable is back"):
        right.succeed("ip link set eno2 up")
        for host in (left, right, witness):
            verify(host, "drbd")
        open_on(right)
        assert right.succeed("cat /mnt/file") == "fourth\n"
        right.succeed("umount /mnt")

    with subtest("the witness may be away"):
        witness.crash()
        verify_fails(left, "volume data is connected to right and witness")
        open_on(left)
        left.succeed("echo fifth > /mnt/file", "sync", "umount /mnt")

    with subtest("the check of the copies can fail: a byte changed below DRBD is found"):
        right.succeed("drbdadm down data")
        backing = "/dev/zvol/tank/drbd/data"
        right.succeed(f"echo changed | dd of={backing} bs=1M seek=100 conv=notrunc oflag=sync")
        right.succeed("drbdadm up data")
        right.wait_until_succeeds("drbdadm cstate data:left | grep -x Connected")
        left.fail("systemctl start homelab-drbd-data-verify.service")
  '';
}
