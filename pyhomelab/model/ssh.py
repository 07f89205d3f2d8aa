"""How the machines of a lab are reached by ssh, where that does not follow from their links."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, PlainValidator

from pyhomelab.model.base import Called, Matching, Model, Port, json_schema, refuse

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = rf"{_LABEL}(?:\.{_LABEL}){{0,9}}"
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_USER = "[A-Za-z_][A-Za-z0-9_.-]{0,31}"


def _place(value: object) -> str:
    if isinstance(value, str):
        if re.fullmatch(_DNS_NAME, value):
            return value
        try:
            return str(ip_address(value))
        except ValueError:
            pass
    return refuse("is neither an IP address nor a DNS name", "write it like 192.168.10.11 or dl1.example.org")


Place = Annotated[
    str,
    PlainValidator(_place),
    json_schema(type="string", minLength=1),
    Called("IP address or DNS name", "192.168.10.11"),
]
User = Annotated[
    str,
    Matching(_USER, "is not a user name", "use letters, digits, dots, hyphens and underscores, such as root or mika"),
    Called("user name", "root"),
]
Jump = Annotated[
    str,
    Matching(
        rf"(?:{_USER}@)?(?:{_DNS_NAME}|\[[0-9A-Fa-f:.]+\])(?::(?:{_PORT}))?",
        "is not a host to jump over",
        "write a machine of the lab, or user@host:port (an IPv6 address in brackets)",
    ),
    Called("machine, or user@host:port", "dl1"),
]


class Ssh(Model):
    """How a machine is reached by ssh; what is not said here, the user's ssh_config may say."""

    address: Place | None = Field(
        None,
        title="Address",
        description="An IP address or a DNS name; by default what ssh_config says, or the first static address.",
    )
    user: User | None = Field(
        None,
        title="User",
        description="root, or somebody who may become root by sudo; by default what ssh_config says, or root.",
    )
    port: Port | None = Field(
        None, title="Port", description="By default what ssh_config says, or 22.", examples=[2222]
    )
    jump: Jump | None = Field(
        None,
        title="Jump host",
        description="A machine of the lab, or user@host:port, over which ssh goes; by default as ssh_config says.",
    )
