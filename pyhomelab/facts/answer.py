"""What a machine said of itself → what it is made of.

`host/facts.sh` asks on the machine, all in one go; here its answer is read. Nothing that a machine says is trusted to
be what it should: what makes no sense is not known.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pyhomelab.facts.lsblk import Beside, disks_of
from pyhomelab.facts.machine import Facts, Nic
from pyhomelab.shell.script import host_script
from pyhomelab.state.hoststate import NoAnswer, answer_rows
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyhomelab.facts.machine import Disk, Firmware, Virtualization
    from pyhomelab.shell import Done

SCRIPT = host_script("facts.sh")
"""A script of POSIX sh whose output `facts_of` reads."""
_GIB = 1 << 30
_SMALL_STEP = 1 << 28
_LARGEST_MEMORY = 1 << 50
_MOST_THREADS = 4096
_PC = ("x86_64", "i686", "i586", "i386")
_LACKS = {
    "lsblk": ("its disks", "util-linux"),
    "ip": ("the addresses and other names of its network cards", "iproute2"),
}
Rows = dict[str, list[list[str]]]


def facts_of(name: str, done: Done) -> Facts:
    """Read what SCRIPT printed on a machine; raises NoAnswer if it is no answer."""
    rows = answer_rows(name, done, "its facts")
    try:
        hostname, machine, os, variant = map(_clean, rows["os"][0])
        threads, model, flag = rows["cpu"][0]
        return Facts(
            hostname=hostname,
            system=_system(os, variant),
            architecture=machine,
            firmware=_firmware(machine, rows["firmware"][0][0]),
            cpu_model=_clean(model) or None,
            cpu_threads=_number(threads, _MOST_THREADS) or None,
            virtualization=_virtualization(flag),
            memory=_memory(rows["memory"][0][0]),
            product=_clean(" ".join(rows["product"][0])) or None,
            disks=_disks(rows),
            nics=tuple(_nics(rows)),
            missing=tuple(_missing(rows)),
            knows_contents=_knows_contents(rows),
        )
    except (ValueError, IndexError, TypeError):
        raise NoAnswer("answered with something that makes no sense", where=name) from None


def _system(os: str, variant: str) -> str:
    words = os.strip("\"'") or "an unknown system"
    return f"{words}, installer" if variant.strip("\"'") == "installer" else words


def _firmware(machine: str, efi: str) -> Firmware | None:
    if efi == "yes":
        return "uefi"
    return "bios" if machine in _PC else None


def _virtualization(flag: str) -> Virtualization | None:
    if flag == "vmx":
        return "vmx"
    return "svm" if flag == "svm" else None


def _memory(total: str) -> int | None:
    """Give the memory that is built in: of it, the kernel keeps the 64th part or so for its own lists."""
    found = _number(total, _LARGEST_MEMORY >> 10) * 1024
    return built_in(found * 64 // 63) if found else None


def built_in(size: int) -> int:
    """Round a size of memory up to what is sold: whole GiB, below two of them quarters."""
    step = _SMALL_STEP if size < 2 * _GIB - _SMALL_STEP else _GIB
    return -(-size // step) * step


def _disks(rows: Rows) -> tuple[Disk, ...]:
    text = "\n".join("\t".join(words) for words in rows["lsblk"])
    return disks_of(text, _beside(rows)) if text else ()


def _beside(rows: Rows) -> Beside:
    links: dict[str, dict[str, list[str]]] = {"by-id": {}, "by-path": {}}
    for kind, link, target in rows["link"]:
        if kind in links:
            links[kind].setdefault(_clean(target), []).append(_clean(link))
    return Beside(
        by_id=links["by-id"],
        by_path=links["by-path"],
        btrfs={_clean(member): _clean(whole) for member, whole in rows["btrfs"]},
        members=dict(_members(rows)),
        pools=frozenset(_clean(pool) for (pool,) in rows["pool"]),
        contents={_clean(name): (_clean(kind), _clean(label)) for name, kind, label in rows["content"]},
        unread=frozenset(_clean(disk) for (disk,) in rows["unread"]),
    )


def _members(rows: Rows) -> Iterator[tuple[str, str]]:
    """Read `zpool list -vHPL`: a pool's line begins with its name, the lines of its parts with a tab."""
    pools = {_clean(words[0]) for words in rows["pool"]}
    pool = ""
    for words in rows["zpool"]:
        first = _clean(words[0])
        if first and (first in pools or not pools):
            pool = first
        path = next((word for word in words if word.startswith("/dev/")), None)
        if path is not None:
            yield _clean(path).rpartition("/")[2], pool


def _nics(rows: Rows) -> Iterator[Nic]:
    told = {str(link.get("ifname")): link for link in _links(rows)}
    for name, mac, driver, bus, speed, carrier, wireless in rows["nic"]:
        link = told.get(name, {})
        yield Nic(
            name=_clean(name),
            # a card in a bond shows the bond's address, and keeps its own aside
            mac=_mac(link.get("permaddr")) or _mac(mac),
            driver=_clean(driver) or None,
            speed=_number(speed, 10**7) or None,
            carrier={"1": True, "0": False}.get(carrier),
            bus=_clean(bus) or None,
            altnames=tuple(_clean(text) for text in _texts(link.get("altnames"))),
            addresses=tuple(_addresses(link)),
            wireless=wireless == "yes",
        )


def _links(rows: Rows) -> list[dict[str, Any]]:
    try:
        links = json.loads("\n".join("\t".join(words) for words in rows["ip"]) or "[]")
    except RecursionError:
        return []
    return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []


def _addresses(link: Mapping[str, Any]) -> Iterator[str]:
    found = link.get("addr_info")
    for info in found if isinstance(found, list) else ():
        if isinstance(info, dict) and info.get("scope") == "global":
            yield _clean(f"{info.get('local')}/{info.get('prefixlen')}")


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _mac(value: object) -> str | None:
    text = value.lower() if isinstance(value, str) else ""
    return text if re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", text) and text != "00:00:00:00:00:00" else None


def _missing(rows: Rows) -> Iterator[str]:
    absent = {words[0] for words in rows["missing"]}
    for program, (what, package) in _LACKS.items():
        if program in absent:
            yield f"{what}: there is no {program} ({package})"
        elif not rows[program]:
            yield f"{what}: its {program} gave no answer; it is perhaps not that of {package}"
    if not _knows_contents(rows):
        yield "what else may lie on its disks: only root can look, by wipefs (util-linux)"


def _knows_contents(rows: Rows) -> bool:
    return rows["contents"][0][0] == "yes"


def _number(text: str, most: int) -> int:
    return min(int(text), most) if re.fullmatch("[0-9]{1,18}", text) else 0


def _clean(text: str) -> str:
    return " ".join(harmless(text).split())
