# A system that cuts the network of its machine: nobody is there to help, and the machine comes back.
{ pyhomelab }:
let
  deployed = import ./lib/deployed.nix {
    systems = {
      well.environment.etc.greeting.text = "well\n";
      cut =
        { lib, ... }:
        {
          environment.etc.greeting.text = "cut\n";
          homelab.network.interfaces.eno1.addresses = lib.mkForce [ "192.168.99.12/24" ];
        };
      broken = {
        environment.etc.greeting.text = "broken\n";
        systemd.services.breaks = {
          wantedBy = [ "multi-user.target" ];
          serviceConfig.Type = "oneshot";
          script = "exit 1";
        };
      };
    };
  };
in
{
  lab = ./labs/trials;
  cards.eno1 = 1;
  memory = 2048;
  machines = {
    rack = deployed;
    desk = import ./lib/deployer.nix {
      inherit pyhomelab;
      lab = ./labs/trials;
    };
  };

  testScript = builtins.readFile ./lib/trials.py + ''


    def runs(generation: str) -> bool:
        """Whether the machine runs a generation, and would boot it."""
        path = f"/nix/var/nix/profiles/{generation}-link"
        return rack.succeed(f"readlink -f {path}") == rack.succeed("readlink -f /run/current-system")


    way = OverSsh(desk, "rack", "192.168.15.12")

    start_all()
    for host in (desk, rack):
        host.wait_for_unit("multi-user.target")
        verify(host)
    prepare(desk, rack, ["well", "cut", "broken"])

    with subtest("a system that is well is tried, confirmed and kept"):
        code, said = go_to(desk, "rack", "--to 2")
        assert code == 0, said
        assert runs("system-2") and generation(rack) == "system-2-link"
        assert rack.succeed("cat /etc/greeting") == "well\n"

    with subtest("the check of the way in can fail: the system that cuts the network leaves none"):
        assert way.is_reached()
        rack.succeed("systemd-run --wait /nix/var/nix/profiles/system-3-link/bin/switch-to-configuration test")
        assert not way.is_reached()
        rack.succeed("systemd-run --wait /nix/var/nix/profiles/system-2-link/bin/switch-to-configuration test")
        way.wait()

    with subtest("when a system cuts off its machine, the machine goes back by itself and is reached again"):
        code, said = go_to(desk, "rack", "--to 3 --probation 45s")
        assert code == 4, said
        way.wait()
        assert runs("system-2") and generation(rack) == "system-2-link"
        assert rack.succeed("cat /etc/greeting") == "well\n"
        verify(rack)

    with subtest("a system in which a unit fails is taken back at once"):
        code, said = go_to(desk, "rack", "--to 4")
        assert code == 4, said
        assert "breaks.service" in said, said
        assert runs("system-2") and generation(rack) == "system-2-link"

    with subtest("after all that the machine boots the last system that was confirmed"):
        rack.shutdown()
        rack.start()
        rack.wait_for_unit("multi-user.target")
        assert runs("system-2")
        verify(rack)
  '';
}
