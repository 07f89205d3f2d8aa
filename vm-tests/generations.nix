# A generation and the way back to the one before.
{ pyhomelab }:
let
  deployed = import ./lib/deployed.nix {
    systems.new = {
      environment.etc.greeting.text = "new\n";
      systemd.services.greets = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
        };
        script = "cat /etc/greeting";
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


    def kept() -> dict[int, dict[str, typing.Any]]:
        """The generations of the machine as it tells the deployer."""
        told = json.loads(desk.succeed("cd /root/lab && pyhomelab generations --host rack --json hosts"))
        return {one["generation"]: one for one in told["hosts"]["rack"]["generations"]}


    def marks(number: int) -> tuple[bool, bool]:
        """Whether the machine runs a generation, and whether it would boot it."""
        return kept()[number]["current"], kept()[number]["default"]


    start_all()
    for host in (desk, rack):
        host.wait_for_unit("multi-user.target")
    prepare(desk, rack, ["new"])

    with subtest("the generations of a machine are listed with what it runs and what it would boot"):
        assert sorted(kept()) == [1, 2]
        assert marks(1) == (True, True)
        assert marks(2) == (False, False)

    with subtest("a new generation brings its files and its units, and is what the machine boots"):
        code, said = go_to(desk, "rack", "--to 2")
        assert code == 0, said
        assert marks(2) == (True, True)
        assert rack.succeed("cat /etc/greeting") == "new\n"
        rack.require_unit_state("greets.service")
        assert generation(rack) == "system-2-link"

    with subtest("the generation before is one command away, and takes both with it"):
        code, said = go_to(desk, "rack", "")
        assert code == 0, said
        assert marks(1) == (True, True)
        rack.fail("test -e /etc/greeting")
        assert rack.get_unit_property("greets.service", "ActiveState") == "inactive"
        assert generation(rack) == "system-1-link"

    with subtest("the machine boots the generation that it was brought back to"):
        rack.shutdown()
        rack.start()
        rack.wait_for_unit("multi-user.target")
        assert marks(1) == (True, True)
        rack.fail("test -e /etc/greeting")
        verify(rack)

    with subtest("the check of the outcome can fail: a generation that is not kept is refused, and nothing changes"):
        code, said = go_to(desk, "rack", "--to 7")
        assert code == 3, said
        assert "rack: keeps no generation 7" in said, said
        assert marks(1) == (True, True)
  '';
}
