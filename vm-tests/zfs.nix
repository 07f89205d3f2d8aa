# Pools as disko makes them, what is done to them from time to time, and the copy of their files on another host.
{
  lab = ./labs/pools;
  cards.eno1 = 1;
  memory = 2048;
  secrets.syncoid-alpha-ssh-key = builtins.readFile ./lib/key/id_ed25519;

  testScript = ''
    copy = "vault/replica/alpha/tank/files"
    snapshots = "zfs list -H -t snapshot -o name -d 1 -s creation"

    boot_with_pools(alpha, beta)

    with subtest("the pools are made of the disks of the inventory, and imported at boot"):
        for host in (alpha, beta):
            verify(host)
        assert alpha.succeed("zpool list -H -o name") == "tank\n"
        assert "mirror-0" in alpha.succeed("zpool status tank")
        assert beta.succeed("zpool list -H -o name") == "vault\n"
        assert "mirror" not in beta.succeed("zpool status vault")

    with subtest("a dataset is where the inventory puts it, and systemd mounts it"):
        assert alpha.succeed("findmnt --noheadings --output SOURCE /srv/files") == "tank/files\n"
        assert alpha.succeed("zfs get -H -o value mountpoint tank/files") == "legacy\n"

    with subtest("what was written is there after the power failed"):
        alpha.succeed("echo kept > /srv/files/file", "sync")
        alpha.crash()
        alpha.start()
        alpha.wait_for_unit("multi-user.target")
        verify(alpha)
        assert alpha.succeed("cat /srv/files/file") == "kept\n"

    with subtest("the scrub reads every disk and finds them well"):
        alpha.succeed("systemctl start zfs-scrub.service")
        alpha.wait_until_succeeds("zpool status tank | grep -F 'scrub repaired 0B'")

    with subtest("a snapshot brings back what was overwritten"):
        alpha.succeed("zfs snapshot tank/files@before", "echo lost > /srv/files/file", "sync")
        assert alpha.succeed("cat /srv/files/file") == "lost\n"
        alpha.succeed("zfs rollback -r tank/files@before")
        assert alpha.succeed("cat /srv/files/file") == "kept\n"

    with subtest("snapshots are taken as often as the inventory says"):
        alpha.succeed("systemctl start sanoid.service")
        assert "tank/files@autosnap_" in alpha.succeed(f"{snapshots} tank/files")

    with subtest("the files are sent to the other host, with their snapshots"):
        beta.wait_for_unit("homelab-zfs-receive.service")
        beta.wait_for_unit("sshd.service")
        alpha.succeed("systemctl start syncoid-tank-files.service")
        here = alpha.succeed(f"{snapshots} tank/files").replace("tank/files@", "").splitlines()
        there = beta.succeed(f"{snapshots} {copy}").replace(f"{copy}@", "").splitlines()
        assert there, "no snapshot arrived"
        assert set(there) <= set(here), (here, there)
        beta.succeed("mkdir -p /mnt", f"mount -t zfs {copy}@{there[-1]} /mnt")
        assert beta.succeed("cat /mnt/file") == "kept\n"
        beta.succeed("umount /mnt")

    with subtest("the other host has a copy that is neither mounted nor written to"):
        assert beta.succeed(f"zfs get -H -o value readonly {copy}") == "on\n"
        assert beta.succeed(f"zfs get -H -o value mounted {copy}") == "no\n"

    with subtest("who sends may not destroy what was sent"):
        receiver = "ssh -i /etc/plain-secrets/syncoid-alpha-ssh-key -o BatchMode=yes syncoid-receiver@syncoid-beta"
        assert alpha.succeed(f"{receiver} whoami") == "syncoid-receiver\n"
        refused = alpha.fail(f"{receiver} zfs destroy -r {copy} 2>&1")
        assert "permission denied" in refused, refused
        beta.succeed(f"zfs list {copy}")

    with subtest("the check of a pool can fail: it does without one of its disks, until that is back"):
        disk = alpha.succeed("zpool status -P tank | grep -o '/dev/[^ ]*' | head -n 1").strip()
        alpha.succeed(f"zpool offline tank {disk}")
        verify_fails(alpha, "pool tank is ONLINE")
        assert alpha.succeed("cat /srv/files/file") == "kept\n"
        alpha.succeed(f"zpool online tank {disk}")
        verify(alpha)
  '';
}
