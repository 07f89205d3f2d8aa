"""Health checks that the owner of a machine declares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pyhomelab.model.base import Between, Called, Matching, Model, Text
from pyhomelab.model.units import Duration

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"

UnitName = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9_:][A-Za-z0-9_:.@\\-]{0,240}\.(?:service|socket|target|mount|automount|timer|path|swap|slice|scope)",
        "is not the name of a unit of systemd",
        "write it with its ending, such as nginx.service",
    ),
    Called("unit of systemd", "nginx.service"),
]
Endpoint = Annotated[
    str,
    Matching(
        rf"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,252}}|\[[0-9A-Fa-f:.]{{2,45}}\]):(?:{_PORT})",
        "is not an address with a port",
        "write it like localhost:5432, 192.168.10.1:53 or [fd00::1]:53",
    ),
    Called("address with port", "localhost:5432"),
]
HttpUrl = Annotated[
    str,
    Matching(
        r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{0,2000}",
        "is not the URL of a web page",
        "write it like http://localhost:8080/health, with %20 for a space",
    ),
    Called("URL", "http://localhost:8080/health"),
]
DeclaredKind = Literal["unit", "tcp", "http", "command"]


class DeclaredCheck(Model):
    """What holds when the machine is well: one of `unit`, `tcp`, `http` and `command`, asked on it as root."""

    unit: UnitName | None = Field(None, title="Unit", description="This unit of systemd is active.")
    tcp: Endpoint | None = Field(None, title="TCP", description="Something takes connections at this address and port.")
    http: HttpUrl | None = Field(
        None, title="HTTP", description="This page answers; its certificate is not judged, redirections not followed."
    )
    command: Text | None = Field(
        None,
        title="Command",
        description="This line of POSIX shell ends with 0; it should change nothing.",
        examples=["test -s /srv/data/.mounted"],
    )
    status: Annotated[int, Between(100, 599)] | None = Field(
        None, title="Status", description="What the page answers with; 200 if absent.", examples=[204]
    )
    timeout: Duration = Field(
        30,
        title="Timeout",
        description="How long it may take until it holds.",
        examples=["1m"],
        json_schema_extra={"default": "30s"},
    )

    @property
    def kinds(self) -> tuple[DeclaredKind, ...]:
        """What is asked; the rules have seen to it that it is one thing."""
        kinds: tuple[DeclaredKind, ...] = ("unit", "tcp", "http", "command")
        return tuple(kind for kind in kinds if getattr(self, kind) is not None)
