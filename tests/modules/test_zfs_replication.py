from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import evaluate, needs_nixpkgs_lib, script
from tests.modules.standins import run
from tests.modules.zfs_hosts import (
    DATASETS,
    KEY,
    MIRROR,
    RECEIVES,
    ask,
    host,
    needs_disko,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_nixpkgs_lib, needs_disko]

needs_shellcheck = pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="no shellcheck on PATH: install the Debian package shellcheck"
)

# Snapshots


SNAPSHOTS = f"{MIRROR} datasets.vms = {{ snapshots = {{ daily = 14; }}; }}; datasets.drbd = {{ }};"


def kept(dataset: str, more: str = "", tank: str = SNAPSHOTS) -> dict[str, Any]:
    select = f'lib.filterAttrs (_: v: v != null && v != [ ]) config.services.sanoid.datasets."{dataset}"'
    policy: dict[str, Any] = ask(select, tank, more)
    return {key: value for key, value in policy.items() if "rocess" not in key}


def test_sanoid_takes_snapshots_of_a_dataset_and_all_below_it() -> None:
    assert kept("tank/vms") == {
        "autosnap": True,
        "autoprune": True,
        "recursive": True,
        "frequently": 0,
        "hourly": 24,
        "daily": 14,
        "weekly": 4,
        "monthly": 6,
        "yearly": 0,
    }


def test_sanoid_leaves_the_others_alone() -> None:
    assert ask("lib.attrNames config.services.sanoid.datasets", SNAPSHOTS) == ["tank/vms"]


def test_sanoid_is_off_where_nothing_is_to_be_snapshot() -> None:
    assert ask("config.services.sanoid.enable") is False


def test_sanoid_only_thins_out_what_is_received() -> None:
    assert kept("tank/backup/dl3-vms", RECEIVES) == {
        "autosnap": False,
        "autoprune": True,
        "recursive": True,
        "frequently": 0,
        "hourly": 48,
        "daily": 30,
        "weekly": 8,
        "monthly": 12,
        "yearly": 0,
    }


def test_received_snapshots_may_be_kept_for_ever() -> None:
    more = RECEIVES.replace("from =", "snapshots = null; from =")

    assert ask("lib.attrNames config.services.sanoid.datasets", more=more) == []


# Replication


def replicated(extra: str = "", pool: str = "") -> str:
    return f"""{MIRROR} {pool} datasets.vms = {{
      snapshots = {{ }};
      replicate = {{ host = "dl2"; address = "fd00::12"; dataset = "tank/backup/dl1-vms"; {extra} }};
    }};"""


def test_syncoid_sends_the_snapshots_that_sanoid_takes() -> None:
    select = """{
      inherit (config.services.syncoid.commands.tank-vms)
        source target recursive sendOptions recvOptions extraArgs localSourceAllow;
      inherit (config.services.syncoid.commands.tank-vms.service) startAt after;
      inherit (config.services.syncoid) interval sshKey;
      owner = config.homelab.secrets.needed.syncoid-dl1-ssh-key.owner;
      inherit (config.systemd.timers.syncoid-tank-vms.timerConfig) Persistent;
    }"""

    assert ask(select, replicated('interval = "*:30";')) == {
        "source": "tank/vms",
        "target": "syncoid-receiver@syncoid-dl2:tank/backup/dl1-vms",
        "recursive": True,
        "sendOptions": "",
        "recvOptions": "u",
        "extraArgs": ["--no-sync-snap", "--no-rollback"],
        "localSourceAllow": ["hold", "send"],
        "startAt": ["*:30"],
        "after": ["network-online.target", "sanoid.service"],
        "interval": [],
        "sshKey": "/run/secrets/syncoid-dl1-ssh-key",
        "owner": "syncoid",
        "Persistent": True,
    }


def test_a_command_keeps_its_time_where_nixos_puts_the_common_one_to_it() -> None:
    as_nixos_does = """imports = [
      ({ config, lib, ... }: {
        systemd.services.syncoid-tank-vms = lib.mkMerge [
          { startAt = config.services.syncoid.interval; }
          config.services.syncoid.commands.tank-vms.service
        ];
      })
    ];"""
    module = host(replicated('interval = "*:30";'), also=as_nixos_does)

    assert evaluate(module, "config.systemd.services.syncoid-tank-vms.startAt") == ["*:30"]


def test_a_replication_waits_until_the_snapshots_of_its_hour_are_taken() -> None:
    assert ask("config.systemd.services.sanoid.serviceConfig.Type", replicated()) == "oneshot"
    assert "sanoid.service" in ask("config.services.syncoid.commands.tank-vms.service.after", replicated())


def test_an_encrypted_pool_is_sent_as_it_lies_on_the_disk() -> None:
    select = "config.services.syncoid.commands.tank-vms.sendOptions"

    assert ask(select, replicated(pool="encrypted = true;")) == "w"


@pytest.mark.parametrize(("key", "checking"), [("", "accept-new"), (f'hostKey = "{KEY}";', "true")])
def test_ssh_itself_finds_the_other_host_by_its_alias(tmp_path: Path, key: str, checking: str) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no ssh on PATH: install the Debian package openssh-client")
    configuration = tmp_path / "ssh_config"
    configuration.write_text(ask("config.programs.ssh.extraConfig", replicated(key)))

    asked = subprocess.run(
        ["ssh", "-G", "-F", configuration, "syncoid-dl2"], capture_output=True, text=True, check=True
    )
    assert {"hostname fd00::12", "hostkeyalias dl2", f"stricthostkeychecking {checking}"} <= set(
        asked.stdout.splitlines()
    )


def test_a_known_host_key_is_held_to() -> None:
    select = "config.programs.ssh.knownHosts.syncoid-dl2"
    known = ask(f"{{ inherit ({select}) hostNames publicKey; }}", replicated(f'hostKey = "{KEY}";'))

    assert known == {"hostNames": ["dl2"], "publicKey": KEY}


def test_the_receiver_may_log_in_for_streams_only() -> None:
    user = ask(
        "with config.users.users.syncoid-receiver; "
        "{ inherit isSystemUser useDefaultShell; keys = openssh.authorizedKeys.keys; }",
        more=RECEIVES,
    )

    assert user == {"isSystemUser": True, "useDefaultShell": True, "keys": [f"restrict {KEY}"]}


def test_the_receivers_key_is_read_from_the_secrets_directory(tmp_path: Path) -> None:
    (tmp_path / "syncoid-dl3.pub").write_text(f"{KEY}\n")
    receives = 'receives = [ { from = "dl3"; dataset = "tank/backup/dl3-vms"; } ];'
    module = host(more=receives, also=f"homelab.secrets.directory = {tmp_path};")

    keys = evaluate(module, "config.users.users.syncoid-receiver.openssh.authorizedKeys.keys")
    assert keys == [f"restrict {KEY}"]


def receiver_script() -> str:
    select = "config.systemd.services.homelab-zfs-receive.serviceConfig.ExecStart"
    return script(ask(select, more=RECEIVES))


def test_the_receiver_may_add_to_copies_and_destroy_none(tmp_path: Path) -> None:
    done = run(receiver_script(), tmp_path, {"zfs": '[ "$1" != list ]'})

    assert done.status == 0, done.said
    assert done.calls[1:] == [
        [
            "zfs",
            "create",
            "-u",
            "-p",
            "-o",
            "mountpoint=none",
            "-o",
            "readonly=on",
            "-o",
            "volmode=none",
            "tank/backup",
        ],
        ["zfs", "allow", "-u", "syncoid-receiver", "change-key,create,mount,receive", "tank/backup"],
    ]


def test_a_parent_that_is_there_is_only_opened_to_the_receiver(tmp_path: Path) -> None:
    done = run(receiver_script(), tmp_path, {"zfs": ""})

    assert done.status == 0, done.said
    assert [call[1] for call in done.calls] == ["list", "allow"]


def test_a_copy_on_the_systems_pool_waits_for_no_import_unit() -> None:
    more = RECEIVES.replace("tank/", "rpool/")

    unit = ask('config.systemd.units."homelab-zfs-receive.service".text', more=more)
    assert "zfs-import" not in unit


# Scripts


@needs_shellcheck
@pytest.mark.parametrize("unit", ["homelab-zfs-datasets-tank", "homelab-zfs-receive"])
def test_the_scripts_pass_shellcheck_as_their_build_demands(tmp_path: Path, unit: str) -> None:
    file = tmp_path / unit
    start = ask(f"config.systemd.services.{unit}.serviceConfig.ExecStart", DATASETS, RECEIVES)
    file.write_text(script(start))

    checked = subprocess.run(["shellcheck", "--shell=bash", file], capture_output=True, text=True, check=False)
    assert checked.stdout == ""
