from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.cluster_host import SECRETS
from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

SERVER = {
    "cluster": '"home"',
    "endpoint": '"192.168.10.50:6443"',
    "nodeIp": '"192.168.10.22"',
    "interface": '"ens3"',
    "servers": '{ k8s-1 = "192.168.10.21"; k8s-2 = "192.168.10.22"; k8s-3 = "192.168.10.23"; }',
}
FIRST = SERVER | {"initialize": "true"}
AGENT = SERVER | {"role": '"agent"', "nodeIp": '"192.168.10.31"'}
ZFS = 'boot.supportedFilesystems.zfs = true; networking.hostId = "0b0e5ac1";'
UNITS = 'lib.filter (lib.hasPrefix "homelab-kubeadm") (lib.attrNames config.systemd.services)'


def machine(options: dict[str, str], more: str = "networking.nftables.enable = true;") -> str:
    given = "".join(f"{name} = {value};" for name, value in options.items())
    return f"""
        {{
          networking.hostName = "k8s-2";
          homelab.secrets.directory = {SECRETS};
          homelab.kubeadm = {{ enable = true; {given} }};
          {more}
        }}
    """


def ask(options: dict[str, str], select: str) -> Any:
    return evaluate(machine(options), select)


def test_nothing_is_set_until_it_is_enabled() -> None:
    select = f"config.virtualisation.containerd.enable || {UNITS} != [ ] || config.sops.templates != {{ }}"

    assert evaluate("{ }", select) is False


@pytest.mark.parametrize("options", [SERVER, FIRST, AGENT], ids=["server", "first", "agent"])
def test_every_kind_of_machine_stands_up_to_the_checks(options: dict[str, str]) -> None:
    assert failed_assertions(machine(options)) == []
    assert ask(options, "config.warnings") == []


def test_each_kind_of_machine_has_its_units() -> None:
    def units(options: dict[str, str]) -> list[str]:
        return [name.removeprefix("homelab-kubeadm-") for name in ask(options, UNITS)]

    assert units(FIRST) == ["init", "join-window", "pod-network", "upgrade"]
    assert units(SERVER) == ["join", "join-window", "upgrade"]
    assert units(AGENT) == ["join", "upgrade"]


def test_a_switch_neither_waits_for_a_unit_nor_kills_it() -> None:
    services = f"(lib.getAttrs ({UNITS}) config.systemd.services)"
    found = ask(FIRST, f"lib.mapAttrs (_: s: [ s.serviceConfig.Type s.restartIfChanged ]) {services}")
    del found["homelab-kubeadm-join-window"]  # short, and started by its timer

    assert set(map(tuple, found.values())) == {("exec", False)}


def test_a_refused_upgrade_is_not_tried_again() -> None:
    select = "config.systemd.services.homelab-kubeadm-upgrade.serviceConfig.RestartPreventExitStatus"

    assert ask(AGENT, select) == 78


def test_the_cas_copy_is_renewed_before_it_runs_out() -> None:
    select = "config.systemd.timers.homelab-kubeadm-join-window.timerConfig.OnUnitActiveSec"

    assert ask(SERVER, select) == "1h"


def test_an_agents_secrets_do_not_open_the_control_plane() -> None:
    select = "{ secrets = lib.attrNames config.sops.secrets; files = lib.attrNames config.sops.templates; }"

    assert ask(AGENT, select) == {"secrets": ["kubeadm-home-token"], "files": ["kubeadm-join.yaml"]}


# The kubelet


def test_the_kubelet_in_use_is_the_one_the_link_names() -> None:
    start = ask(AGENT, "config.systemd.services.kubelet.serviceConfig.ExecStart")

    assert start.split()[0] == "/nix/var/nix/gcroots/homelab-kubelet/bin/kubelet"


def test_the_kubelet_starts_once_kubeadm_has_configured_it() -> None:
    unit = ask(AGENT, 'config.systemd.units."kubelet.service".text')

    assert "ConditionPathExists=/var/lib/kubelet/config.yaml\n" in unit
    assert "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\n" in unit


def test_what_others_write_to_is_no_link_into_the_store() -> None:
    select = 'lib.mapAttrs (_: lib.attrNames) config.systemd.tmpfiles.settings."10-homelab-kubeadm"'
    found = ask(AGENT, select)

    assert {"/etc/kubernetes", "/etc/kubernetes/manifests", "/etc/cni/net.d", "/opt/cni/bin"} <= found.keys()
    assert set(map(tuple, found.values())) == {("d",)}
    names = ask(AGENT, "lib.attrNames config.environment.etc")
    assert [name for name in names if name.startswith(("kubernetes", "cni"))] == []


# containerd


def toml(settings: dict[str, Any], table: tuple[str, ...] = ()) -> str:
    """`settings` as NixOS would write them; JSON's strings, numbers, bools and lists are TOML's."""
    values = {name: value for name, value in settings.items() if not isinstance(value, dict)}
    lines = [f"[{'.'.join(map(json.dumps, table))}]"] if table else []
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in values.items()]
    tables = [toml(value, (*table, name)) for name, value in settings.items() if isinstance(value, dict)]
    return "\n".join([*lines, *tables])


def dumped(settings: dict[str, Any], path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(toml({"version": 2} | settings))
    return subprocess.run(["containerd", "-c", path, "config", "dump"], capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    shutil.which("containerd") is None, reason="no containerd on PATH: install the Debian package containerd"
)
def test_containerd_understands_its_settings_and_refuses_wrong_ones(tmp_path: Path) -> None:
    settings = evaluate(machine(AGENT, ZFS), "config.virtualisation.containerd.settings")

    done = dumped(settings, tmp_path / "config.toml")
    cri = tomllib.loads(done.stdout)["plugins"]["io.containerd.grpc.v1.cri"]

    assert done.returncode == 0, done.stderr
    assert cri["cni"]["bin_dir"] == "/opt/cni/bin"
    assert cri["cni"]["conf_dir"] == "/etc/cni/net.d"
    assert cri["containerd"]["snapshotter"] == "overlayfs"
    assert cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True
    assert cri["registry"]["config_path"] == "/etc/containerd/certs.d"
    assert cri["sandbox_image"] == "registry.k8s.io/pause:3.10.1"

    settings["plugins"] = []
    assert dumped(settings, tmp_path / "broken.toml").returncode != 0


def test_mirrors_are_asked_before_the_registry_itself() -> None:
    mirrors = """{
      "docker.io" = [ "https://m1.home.arpa" "http://m2.home.arpa:5000" ];
      "ghcr.io" = [ "http://m3" ];
    }"""
    select = """
        lib.mapAttrs (_: file: file.source)
          (lib.filterAttrs (name: _: lib.hasSuffix "hosts.toml" name) config.environment.etc)
    """
    files = ask(AGENT | {"registryMirrors": mirrors}, select)

    found = {path: json.loads(script(source)) for path, source in files.items()}

    able = {"capabilities": ["pull", "resolve"]}
    assert found == {
        "containerd/certs.d/docker.io/hosts.toml": {
            "server": "https://registry-1.docker.io",
            "host": {"https://m1.home.arpa": able, "http://m2.home.arpa:5000": able},
        },
        "containerd/certs.d/ghcr.io/hosts.toml": {"server": "https://ghcr.io", "host": {"http://m3": able}},
    }


# flannel


def flannel(options: dict[str, str] = FIRST) -> dict[str, Any]:
    """Objects of flannel by their kind."""
    text = script(ask(options, "config.systemd.services.homelab-kubeadm-pod-network.serviceConfig.ExecStart"))
    found = re.search(r"^manifest='?(/nix/store/[^'\n]+)", text, re.MULTILINE)
    assert found
    manifest = json.loads(script(found[1]))
    assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "List")
    return {item["kind"]: item for item in manifest["items"]}


def kubernetes_validate() -> Any:
    """Kubernetes' own schemas, of many versions."""
    return pytest.importorskip("kubernetes_validate", reason="the Python package kubernetes-validate is not installed")


def targeted() -> str:
    """The minor version of Kubernetes that the modules bring."""
    version: str = ask(FIRST, "lib.versions.majorMinor config.homelab.kubeadm.package.version")
    return version


KINDS = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet")
# Maps whose keys are anybody's.
_FREE = {"data", "labels", "matchLabels", "nodeSelector", "requests"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in an object there are fields that Kubernetes has names for."""
    if isinstance(value, dict):
        if not path or path[-1] not in _FREE:
            yield path
        items: Iterable[tuple[Any, Any]] = value.items()
    else:
        items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def misspelt(item: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The object with a field at a place that Kubernetes does not know."""
    changed = deepcopy(item)
    place = changed
    for key in path:
        place = place[key]
    place["hostNetworking"] = True
    return changed


def test_the_schemas_are_those_of_the_kubernetes_that_is_brought() -> None:
    """The validator takes an older version's without a word if it has not got the one that is asked for."""
    version = targeted()

    assert {kubernetes_validate().validate(item, version, strict=True) for item in flannel().values()} == {version}


@pytest.mark.parametrize("kind", KINDS)
def test_kubernetes_takes_each_of_flannels_objects_and_none_with_a_misspelt_field_anywhere(kind: str) -> None:
    validate = kubernetes_validate()
    version, objects = targeted(), flannel()
    item = objects[kind]

    taken = [path for path in places(item) if _is_taken(validate, misspelt(item, path), version)]

    assert _is_taken(validate, item, version)
    assert taken == []


def test_no_object_of_flannel_is_left_out_of_the_schemas() -> None:
    assert tuple(flannel()) == KINDS


@pytest.mark.parametrize(("key", "value"), [("kind", "DaemonSets"), ("apiVersion", "extensions/v1beta1")])
def test_a_kind_that_kubernetes_does_not_have_is_noticed(key: str, value: str) -> None:
    validate = kubernetes_validate()

    with pytest.raises(validate.SchemaNotFoundError):
        validate.validate(flannel()["DaemonSet"] | {key: value}, targeted(), strict=True)


def _is_taken(validate: Any, item: dict[str, Any], version: str) -> bool:
    try:
        validate.validate(item, version, strict=True)
    except validate.ValidationError:
        return False
    return True


def test_flannels_objects_refer_to_each_other() -> None:
    objects = flannel()
    pod = objects["DaemonSet"]["spec"]["template"]
    account = objects["ServiceAccount"]["metadata"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    containers = pod["spec"]["initContainers"] + pod["spec"]["containers"]

    assert objects["DaemonSet"]["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["serviceAccountName"] == account["name"]
    assert objects["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]},
    ]
    assert objects["ClusterRoleBinding"]["roleRef"]["name"] == objects["ClusterRole"]["metadata"]["name"]
    assert objects["Namespace"]["metadata"]["name"] == account["namespace"]
    assert {mount["name"] for container in containers for mount in container["volumeMounts"]} == volumes


def test_flannel_hands_out_the_pods_addresses() -> None:
    data = flannel(FIRST | {"podCidr": '"10.244.0.0/16"'})["ConfigMap"]["data"]

    assert json.loads(data["net-conf.json"]) == {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}
    assert [plugin["type"] for plugin in json.loads(data["cni-conf.json"])["plugins"]] == [
        "flannel",
        "portmap",
    ]


def test_another_pod_network_is_left_to_its_owner() -> None:
    other = FIRST | {"podNetwork": '"none"'}
    install = script(ask(other, 'config.systemd.units."kubelet.service".text').split("ExecStartPre=")[1])

    assert "homelab-kubeadm-pod-network" not in ask(other, UNITS)
    assert ask(other, "config.networking.firewall.interfaces.ens3.allowedUDPPorts") == []
    assert "cni-plugin-flannel" not in install


# Ports


@pytest.mark.parametrize(("options", "tcp"), [(SERVER, [6443, 10250]), (AGENT, [10250])], ids=["server", "agent"])
def test_the_ports_of_a_machine(options: dict[str, str], tcp: list[int]) -> None:
    select = "with config.networking.firewall.interfaces.ens3; [ allowedTCPPorts allowedUDPPorts ]"

    assert ask(options, select) == [tcp, [8472]]


def test_only_the_other_servers_reach_etcd() -> None:
    select = "config.networking.firewall.extraInputRules"

    assert ask(SERVER, select) == (
        "ip saddr 192.168.10.21 tcp dport { 2379, 2380 } accept\nip saddr 192.168.10.23 tcp dport { 2379, 2380 } accept"
    )
    assert ask(AGENT, select) == ""
