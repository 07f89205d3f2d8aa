from __future__ import annotations

import re
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import which
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import needs_nixpkgs_lib, script
from tests.modules.programs import apart, needs
from tests.modules.test_vip import IPV6, keepalived

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_nixpkgs_lib


def config_file(directory: Path, **changes: str) -> Path:
    """The instance in keepalived's language, as NixOS writes it, with a check and a user of this machine."""
    instance, check = keepalived(**changes)
    program = directory / "check"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    peers, source = instance["unicastPeers"], instance["unicastSrcIp"]
    unicast = [f"unicast_src_ip {source}", "unicast_peer {", *peers, "}"] if peers else []
    addresses = [ip["addr"] for ip in instance["virtualIps"]]
    target, line = directory / "keepalived.conf", "\n"
    target.write_text(f"""
        global_defs {{
          enable_script_security
        }}
        vrrp_script homelab-vip {{
          script "{program}"
          interval {check["interval"]}
          fall {check["fall"]}
          rise {check["rise"]}
          timeout {check["timeout"]}
          weight {check["weight"]}
          user root
          {check["extraConfig"]}
        }}
        vrrp_instance homelab-vip {{
          interface {instance["interface"]}
          state {instance["state"]}
          virtual_router_id {instance["virtualRouterId"]}
          priority {instance["priority"]}
          {"nopreempt" if instance["noPreempt"] else ""}
          {line.join(unicast)}
          virtual_ipaddress {{
            {" ".join(addresses)}
          }}
          track_script {{
            {" ".join(instance["trackScripts"])}
          }}
          {instance["extraConfig"]}
        }}
    """)
    return target


JUDGE = 'ip link set lo up; ip link add br-lan type bridge; exec keepalived --config-test --use-file "$1"'


@needs("keepalived iproute2", "keepalived", "ip")
@pytest.mark.parametrize("changes", [{}, IPV6, {"peers": "[ ]"}], ids=["IPv4", "IPv6", "alone"])
def test_keepalived_takes_the_configuration(tmp_path: Path, changes: dict[str, str]) -> None:
    done = apart(JUDGE, str(config_file(tmp_path, **changes)))

    assert (done.returncode, done.stdout) == (0, "")


@needs("keepalived iproute2", "keepalived", "ip")
def test_keepalived_refuses_a_word_it_does_not_know(tmp_path: Path) -> None:
    target = config_file(tmp_path)
    target.write_text(target.read_text().replace("nopreempt", "never_preempt"))
    done = apart(JUDGE, str(target))

    assert done.returncode != 0
    assert "Unknown keyword 'never_preempt'" in done.stdout


# Two servers on a wire: $1 and $2 are their configurations, $3 the directory with the files that make them
# alive. Says, a line a moment, which of them holds the address.
PAIR = """
    mount -t tmpfs tmpfs /run
    ip netns add second
    ip link add br-lan type veth peer name br-lan netns second
    ip address add 192.168.10.11/24 dev br-lan
    ip link set br-lan up
    ip -n second address add 192.168.10.12/24 dev br-lan
    ip -n second link set br-lan up
    keepalived --dont-fork --use-file "$1" --pid /run/a --vrrp_pid /run/a-vrrp >/dev/null 2>&1 &
    ip netns exec second \\
        keepalived --dont-fork --use-file "$2" --pid /run/b --vrrp_pid /run/b-vrrp >/dev/null 2>&1 &
    has() { ip "$@" -o address show dev br-lan | grep -q '192.168.10.50/'; }
    holders() {
        if has; then printf a; fi
        if has -n second; then printf b; fi
    }
    until_holds() {
        for _ in $(seq 150); do [ "$(holders)" != "$1" ] || break; sleep 0.1; done
        echo "$2: $(holders)"
    }
    sleep 5; echo "nobody answers: $(holders)"
    touch "$3/a"; until_holds a 'a answers'
    touch "$3/b"; sleep 5; echo "b answers too: $(holders)"
    rm "$3/a"; until_holds b 'a is silent'
    touch "$3/a"; sleep 5; echo "a is back: $(holders)"
"""


@pytest.mark.slow
@needs("keepalived iproute2", "keepalived", "ip")
def test_the_address_moves_to_the_server_that_answers_and_stays_there(tmp_path: Path) -> None:
    servers = {"a": ("192.168.10.11", "192.168.10.12", "100"), "b": ("192.168.10.12", "192.168.10.11", "200")}
    for name, (source, peer, priority) in servers.items():
        directory = tmp_path / name
        directory.mkdir()
        config_file(directory, source=f'"{source}"', peers=f'[ "{peer}" ]', priority=priority)
        (directory / "check").write_text(f'#!/bin/sh\nexec test -e "{tmp_path}/alive/{name}"\n')
    alive = tmp_path / "alive"
    alive.mkdir()

    files = [str(tmp_path / name / "keepalived.conf") for name in servers]

    done = apart(PAIR, *files, str(alive), timeout=120)

    assert done.stdout.splitlines() == [
        "nobody answers: ",
        "a answers: a",
        "b answers too: a",
        "a is silent: b",
        "a is back: b",
    ]


# The check


def check_text(**changes: str) -> str:
    """The check with this machine's curl and shell in place of those of the store."""
    _, check = keepalived(**changes)
    text = script(check["script"])
    return re.sub(r"/nix/store/[^\s/]*/bin/(curl|bash)", lambda found: which(found[1]) or found[1], text)


@contextmanager
def api(directory: Path, status: int) -> Iterator[int]:
    """A server that answers everything with `status` over TLS; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 418)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    pair = directory / "pair.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            str(pair),
            "-out",
            str(directory / "certificate.pem"),
            "-subj",
            "/CN=nobody-we-know",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", pair)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def answers(directory: Path, port: int) -> bool:
    program = directory / "check"
    program.write_text(check_text(checkPort=str(port)))
    program.chmod(0o755)
    return subprocess.run([str(program)], check=False, timeout=30).returncode == 0


@needs("curl openssl", "curl", "openssl")
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_machine_whose_api_answers_is_alive(tmp_path: Path, status: int) -> None:
    with api(tmp_path, status) as port:
        assert answers(tmp_path, port)


@needs("curl openssl", "curl", "openssl")
@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_machine_whose_api_says_it_is_not_well_is_dead(tmp_path: Path, status: int) -> None:
    with api(tmp_path, status) as port:
        assert not answers(tmp_path, port)


@needs("curl openssl", "curl", "openssl")
def test_a_machine_where_nobody_listens_is_dead(tmp_path: Path) -> None:
    with api(tmp_path, 200) as port:
        pass

    assert not answers(tmp_path, port)


def test_the_check_gives_up_before_keepalived_kills_it() -> None:
    _, check = keepalived()

    assert "--max-time 3 " in check_text()
    assert check["timeout"] > 3
