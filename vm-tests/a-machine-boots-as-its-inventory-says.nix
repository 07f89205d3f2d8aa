# What every machine of a lab has: its name, its address, its clock, its admins and its firewall.
let
  lab = ./labs/two-hosts;
  admin = builtins.head (import (lab + "/lab.nix")).homelab.base.admins.admin.sshKeys;
in
{
  inherit lab;
  cards.eno1 = 1;

  testScript = ''
    start_all()
    attic.wait_for_unit("multi-user.target")
    cellar.wait_for_unit("multi-user.target")

    with subtest("a machine has its own name, and its card the one address that the inventory gives it"):
        for machine, name, address in [
            (attic, "attic", "192.168.10.11/24"),
            (cellar, "cellar", "192.168.10.12/24"),
        ]:
            assert machine.succeed("uname -n") == f"{name}\n"
            card = machine.succeed("ip -4 -brief address show dev eno1").split()
            assert card[2:] == [address], card

    with subtest("the machines find each other by the names of the inventory"):
        found = cellar.succeed("getent ahostsv4 attic.home.arpa").split()
        assert found[0] == "192.168.10.11", found
        cellar.succeed("ping -c 1 -W 5 attic")

    with subtest("the clock shows the time of the lab's zone"):
        assert attic.succeed("date +%Z") == "JST\n"

    attic.wait_for_unit("sshd.service")
    ssh = "ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=accept-new admin@attic"
    cellar.succeed("ssh-keygen -q -t ed25519 -N \"\" -C \"\" -f /root/key")

    with subtest("a key that is not in the inventory opens no door"):
        refused = cellar.fail(f"{ssh} true 2>&1")
        assert "Permission denied (publickey)" in refused, refused

    with subtest("a key that is lets the admin in, who becomes root without a password"):
        # Nobody has the private half of the inventory's key, so a new one takes its place in the file that was made of it.
        keys = "/etc/ssh/authorized_keys.d/admin"
        assert attic.succeed(f"grep -c . {keys}") == "1\n"
        attic.succeed(f"grep -Fx '${admin}' {keys}")
        public = cellar.succeed("cat /root/key.pub").strip()
        attic.succeed(f"sed -i 's|^..*$|{public}|' {keys}")
        assert cellar.succeed(f"{ssh} whoami") == "admin\n"
        assert cellar.succeed(f"{ssh} sudo -n whoami") == "root\n"

    with subtest("a port that the inventory opens is open, and another one is not"):
        for port in (8080, 8081):
            attic.succeed(f"systemd-run --unit=listens-on-{port} nc -4 -d -l -k {port}")
            attic.wait_for_open_port(port)
        cellar.succeed("nc -z -w 5 attic 8080")
        cellar.fail("nc -z -w 5 attic 8081")

    with subtest("the check of the closed port can fail: without a firewall the same command gets through"):
        attic.succeed("nft flush ruleset")
        cellar.succeed("nc -z -w 5 attic 8081")
  '';
}
