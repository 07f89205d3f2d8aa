"""A lab of any size, as inventory text: hosts with a mirrored pool, each with one guest, in networks of 200."""

from __future__ import annotations

_HEAD = """\
lab:
  name: big
  state_version: "26.05"
  admins:
    - {name: admin, ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0x7nQyqf0Wm3h1pVd1b5q8G5p7yqv1eZk7Tz4wq2Xh admin]}
"""
_PER_NETWORK = 100


def big_lab(hosts: int) -> str:
    """Write the inventory of a lab of `hosts` hosts, each with a guest."""
    networks = range(-(-hosts // _PER_NETWORK))
    lines = [_HEAD, "networks:"]
    lines += [f"  n{number}: {{cidr: 10.{number}.0.0/16, gateway: 10.{number}.255.254}}" for number in networks]
    lines += ["hosts:", *(_host(number) for number in range(hosts))]
    lines += ["guests:", *(_guest(number) for number in range(hosts))]
    return "\n".join(lines) + "\n"


def _host(number: int) -> str:
    network, place = divmod(number, _PER_NETWORK)
    return f"""\
  h{number}:
    cpu_threads: 16
    memory: 36GiB
    boot: {{firmware: uefi, disk: /dev/disk/by-id/nvme-S{number}}}
    links:
      eno1: {{bridge: br-lan, network: n{network}, address: 10.{network}.1.{place + 1}}}
    zfs:
      tank:
        layout: mirror
        disks: [/dev/disk/by-id/ata-A{number}, /dev/disk/by-id/ata-B{number}]
        disk_size: 894GiB
        datasets:
          files: {{mountpoint: /srv/files, quota: 200GiB, snapshots: {{daily: 7}}}}
    kvm: {{}}"""


def _guest(number: int) -> str:
    network, place = divmod(number, _PER_NETWORK)
    return f"""\
  g{number}:
    on: h{number}
    cpus: 4
    memory: 8GiB
    disk: {{size: 60GiB, on: tank}}
    links: {{n{network}: {{address: 10.{network}.2.{place + 1}}}}}"""
