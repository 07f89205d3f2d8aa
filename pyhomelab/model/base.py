"""What every part of the model shares: frozen, strict about keys, and the checked kinds of text."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Model(BaseModel):
    """A part of the inventory: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, use_attribute_docstrings=True)


def refuse(reason: str, hint: str) -> NoReturn:
    """Refuse a value while it is read; the loader adds its place."""
    raise PydanticCustomError("mistake", "{reason}", {"reason": reason, "hint": hint})


def _text(pattern: str, reason: str, hint: str) -> Callable[[object], str]:
    matches = re.compile(pattern).fullmatch

    def check(value: object) -> str:
        if not isinstance(value, str) or not matches(value):
            refuse(reason, hint)
        return value

    return check


def checked_text(pattern: str, reason: str, hint: str, **schema: Any) -> Any:  # noqa: ANN401 - builds a type
    """Make a type of text that must match `pattern` as a whole; its JSON Schema carries the pattern."""
    return Annotated[
        str,
        BeforeValidator(_text(pattern, reason, hint)),
        WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", **schema}),
    ]


def _free_text(value: object) -> str:
    if isinstance(value, bool):
        refuse("is a truth value, not text", f'put it in quotes: "{str(value).lower()}"')
    if not isinstance(value, str) or not value:
        refuse("is not text", "write a word or a sentence")
    if not value.isprintable():
        refuse("holds a line break or a control character", "write it on one line")
    return value


def plain_address(value: object, hint: str = "write it like 192.168.10.11") -> Address:
    """Read an IP address without prefix length; refuses everything else with `hint`."""
    if isinstance(value, str):
        if "/" in value:
            refuse("has a prefix length", "write the address alone; the network's cidr has the length")
        try:
            return ip_address(value)
        except ValueError:
            pass
    return refuse("is not an IP address", hint)


def _network(value: object) -> Network:
    if isinstance(value, str) and "/" in value:
        try:
            return ip_network(value)
        except ValueError as error:
            if "host bits" in str(error):
                refuse("has bits set behind its prefix", f"write {ip_network(value, strict=False)}")
    return refuse("is not a network in CIDR notation", "write it like 192.168.10.0/24")


Name = checked_text(
    "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
    "is not a DNS label",
    "use lower-case letters, digits and hyphens, beginning with a letter, at most 63 characters",
)
InterfaceName = checked_text(
    "[A-Za-z0-9](?:[A-Za-z0-9_-]|\\.(?!\\.)){0,14}",
    "is not the name of a network interface",
    "use at most 15 letters, digits, dots, hyphens and underscores",
)
Mac = Annotated[
    str,
    BeforeValidator(
        lambda value: _text(
            "(?:[0-9a-f][02468ace])(?::[0-9a-f]{2}){5}", "is not a unicast MAC address", "write it like 52:54:00:12:34:56"
        )(value.lower() if isinstance(value, str) else value)
    ),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$"}),
]
Text = Annotated[str, BeforeValidator(_free_text), WithJsonSchema({"type": "string", "minLength": 1})]
IpAddress = Annotated[Address, PlainValidator(plain_address), WithJsonSchema({"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]})]
Cidr = Annotated[Network, PlainValidator(_network), WithJsonSchema({"type": "string", "pattern": "/[0-9]+$"})]
DiskPath = checked_text(
    "/dev/disk/by-id/[A-Za-z0-9_.:+=@-]+",
    "is not a /dev/disk/by-id path",
    "names such as sda change between boots; `ls -l /dev/disk/by-id` shows the lasting ones",
)
AbsolutePath = checked_text(
    "/(?:[A-Za-z0-9_.+@-]+/?)*", "is not a plain absolute path", "write it like /srv/data, without spaces"
)
Port = Annotated[int, BeforeValidator(lambda value: _port(value)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})]


def _port(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and 0 < int(value) <= 65535:
        return int(value)
    return refuse("is not a port", "write a number from 1 to 65535")
