"""The disk that a test host with virtual machines starts from: the image of all test hosts, with libvirt and QEMU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.image import image

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGES = (
    "jq",
    "libvirt-clients",
    "libvirt-daemon-system",
    "ovmf",
    "qemu-system-x86",
    "qemu-utils",
)


def libvirt_image() -> Path:
    """The root directory of the image; built now when nobody has built it before."""
    return image(*_PACKAGES)
