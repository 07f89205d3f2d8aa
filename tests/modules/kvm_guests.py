"""Guests for the tests of homelab.kvm, as Nix text, and how to find the checkers they are given to."""

from __future__ import annotations

import os
import shutil

import pytest

UUID = "5f0c7a52-0d0c-5b0e-9a53-2f4f0a7b1c11"
OTHER_UUID = "0b3a3f5e-6c0b-5d2e-8f43-0a6f6a3f7d22"

ROOT_DISK = 'name = "root"; kind = "zvol"; dataset = "tank/guests/k8s-1-root"; size = "60G";'
LAN = 'interfaces = [ { name = "lan"; bridge = "br-lan"; mac = "52:54:00:12:34:56"; } ];'


def machine(guests: str, options: str = "", more: str = "") -> str:
    """A host dl1 with ZFS, a bridge br-lan and these `guests`; `options` are of homelab.kvm."""
    return f"""{{
      networking.hostName = "dl1";
      boot.supportedFilesystems = [ "zfs" ];
      homelab.kvm = {{ enable = true; bridges = [ "br-lan" ]; {options} guests = {{ {guests} }}; }};
      {more}
    }}"""


def guest(name: str = "k8s-1", *, disks: str = ROOT_DISK, more: str = LAN, uuid: str = UUID, memory: int = 8192) -> str:
    """One guest; `disks` are attribute sets without their braces, separated by `|`."""
    listed = " ".join(f"{{ {disk} }}" for disk in disks.split("|") if disk.strip())
    return f'"{name}" = {{ uuid = "{uuid}"; cpus = 4; memoryMiB = {memory}; disks = [ {listed} ]; {more} }};'


def needs(package: str, *programs: str) -> pytest.MarkDecorator:
    """A mark: skip unless all `programs` of the Debian package are on PATH."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    reason = f"no {', '.join(missing)} on PATH: install the Debian package {package}"
    return pytest.mark.skipif(bool(missing), reason=reason)


needs_virsh = needs("libvirt-clients", "virsh", "virt-xml-validate")
needs_xmllint = needs("libxml2-utils", "xmllint")
