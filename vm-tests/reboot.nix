# A reboot into a new system is proven over ssh, or the machine boots the old one again.
{ pyhomelab }:
let
  deployed = import ./lib/deployed.nix {
    systems = {
      well.boot.kernelParams = [ "homelab.test=well" ];
      silent =
        { lib, ... }:
        {
          boot.kernelParams = [ "homelab.test=silent" ];
          services.openssh.enable = lib.mkForce false;
        };
      dead.boot.kernelParams = [ "init=/nowhere" ];
    };
  };
in
{
  lab = ./labs/trials;
  cards.eno1 = 1;
  memory = 2048;
  globalTimeout = 7200;
  machines = {
    rack = deployed;
    desk = import ./lib/deployer.nix {
      inherit pyhomelab;
      lab = ./labs/trials;
    };
  };

  testScript = builtins.readFile ./lib/trials.py + ''


    way = OverSsh(desk, "rack", "192.168.15.12")


    def boot_id() -> str:
        return way.succeed("cat /proc/sys/kernel/random/boot_id")


    def booted(number: int) -> bool:
        """Whether the machine was booted with a generation, and boots it again."""
        path = f"/nix/var/nix/profiles/system-{number}-link"
        same = way.succeed(f"readlink -f {path}") == way.succeed("readlink -f /run/booted-system")
        return same and generation(way) == f"system-{number}-link"


    desk.start()
    rack.start(allow_reboot=True)
    for host in (desk, rack):
        host.wait_for_unit("multi-user.target")
        verify(host)
    prepare(desk, rack, ["well", "silent", "dead"])

    with subtest("the check of the way in can fail: without sshd nobody gets in"):
        assert way.is_reached()
        rack.succeed("systemctl stop sshd.service")
        assert not way.is_reached()
        rack.succeed("systemctl start sshd.service")
        way.wait()

    # The console of a machine that reboots by itself is lost; from here on it is looked at over ssh.
    first = boot_id()

    with subtest("a system that is well is booted, proven and kept"):
        code, said = go_to(desk, "rack", "--to 2 --reboot always")
        assert code == 0, said
        assert booted(2)
        assert "homelab.test=well" in way.succeed("cat /proc/cmdline")
        second = boot_id()
        assert second != first
        verify(way)

    with subtest("a system that lets nobody in is given up by the machine itself"):
        code, said = go_to(desk, "rack", "--to 3 --reboot always --probation 45s")
        assert code == 4, said
        way.wait()
        assert booted(2)
        assert boot_id() != second
        verify(way)

    with subtest("a system whose init is not there does not come up, and the boot loader starts the old one"):
        code, said = go_to(desk, "rack", "--to 4 --reboot always")
        assert code == 4, said
        way.wait()
        assert booted(2)
        verify(way)
  '';
}
