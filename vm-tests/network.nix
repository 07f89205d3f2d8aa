# Bonds, VLANs and bridges of two hosts that are plugged into two switches, and what their firewalls let in.
{
  lab = ./labs/networks;
  cards = {
    eno1 = 1;
    eno2 = 2;
  };

  testScript = ''
    def ping(address: str) -> str:
        return f"ping -c 1 -W 5 {address}"


    def listen(port: int) -> None:
        east.succeed(f"systemd-run --unit=listens-on-{port} nc -4 -d -l -k {port}")
        east.wait_for_open_port(port)


    def knock(address: str, port: int) -> str:
        return f"nc -z -w 5 {address} {port}"


    lan, storage, guests = "192.168.13.11", "10.10.30.11", "10.10.40.11"

    start_all()
    for host in (east, west):
        host.wait_for_unit("multi-user.target")

    with subtest("every interface comes up with its addresses"):
        for host in (east, west):
            verify(host)

    with subtest("the hosts reach each other over the bond, the VLAN and the bridge"):
        for address in (lan, storage, guests):
            west.succeed(ping(address))

    with subtest("each network has a way of its own: the VLANs have their tags, and the bridge has its VLAN"):
        for vlan, number in (("bond0.30", 30), ("bond0.40", 40)):
            assert f"vlan protocol 802.1Q id {number} " in east.succeed(f"ip -d link show {vlan}")
        assert "master br-guests" in east.succeed("ip link show bond0.40")
        assert "dev bond0.30 " in east.succeed("ip route get 10.10.30.12")

    with subtest("a switch may fail: the bonds go on over the other"):
        for host in (east, west):
            host.succeed("ip link set eno1 down")
        for address in (lan, storage, guests):
            west.wait_until_succeeds(ping(address))

    with subtest("the check of the way can fail: without both switches nothing gets through"):
        west.succeed("ip link set eno2 down")
        west.fail(ping(lan))
        verify_fails(west, "bond0 is up and has 192.168.13.12/24")
        for host in (east, west):
            host.succeed("ip link set eno1 up", "ip link set eno2 up")
        for host in (east, west):
            verify(host)

    for number in (8080, 8081, 8082):
        listen(number)

    with subtest("a port is open in the network that the inventory opens it in, and in no other"):
        west.wait_until_succeeds(knock(lan, 8080))
        west.succeed(knock(storage, 8082))
        west.fail(knock(storage, 8080))
        west.fail(knock(lan, 8082))
        west.fail(knock(guests, 8080))

    with subtest("a port that nobody opened is refused everywhere"):
        for address in (lan, storage, guests):
            west.fail(knock(address, 8081))

    with subtest("the check of a refusal can fail: without a firewall the same knock is answered"):
        east.succeed("nft flush ruleset")
        for address in (lan, storage, guests):
            west.succeed(knock(address, 8081))
  '';
}
