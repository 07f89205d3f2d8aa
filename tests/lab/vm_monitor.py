"""The way to the switches of a running virtual machine: QEMU's monitor protocol over a socket."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 120.0


class MonitorRefused(Exception):
    """QEMU would not do what it was told; the message says what and why."""


def told(place: Path, command: str, **arguments: Any) -> Any:
    """What the machine whose monitor listens at `place` answers to a command."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        _connect(connection, place)
        with connection.makefile("rw", encoding="utf-8") as lines:
            lines.readline()  # the greeting
            _ask(lines, "qmp_capabilities", {})
            return _ask(lines, command, arguments)


def said(place: Path, line: str) -> None:
    """Have a line of the monitor's older language done, which answers only if it could not be."""
    answer = told(place, "human-monitor-command", **{"command-line": line})
    if answer:
        raise MonitorRefused(f"{line}: {answer.strip()}")


def _connect(connection: socket.socket, place: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.connect(str(place))
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _ask(lines: Any, command: str, arguments: dict[str, Any]) -> Any:
    lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    lines.flush()
    while line := lines.readline():
        answer = json.loads(line)
        if "error" in answer:
            raise MonitorRefused(f"{command}: {answer['error']['desc']}")
        if "return" in answer:
            return answer["return"]
    raise MonitorRefused(f"{command}: the machine is gone")
