"""What every part of the model shares: frozen, strict about keys, and the checked kinds of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_HIGHEST_PORT = 65535


class Model(BaseModel):
    """A part of the inventory: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse(reason: str, hint: str) -> NoReturn:
    """Refuse a value while it is read; the loader adds its place."""
    raise PydanticCustomError("mistake", "{reason}", {"reason": reason, "hint": hint})


@dataclass(frozen=True, slots=True)
class Called:
    """What a person calls a kind of value, and how one looks; the reference and editors show both."""

    kind: str
    example: str | float

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches `pattern` as a whole; what does not is refused with the reason and the way out."""

    pattern: str
    reason: str
    hint: str
    lower: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        del source, handler
        matches = re.compile(self.pattern).fullmatch

        def check(value: object) -> str:
            if isinstance(value, str):
                text = value.lower() if self.lower else value
                if matches(text):
                    return text
            return refuse(self.reason, self.hint)

        return core_schema.no_info_plain_validator_function(check)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        pattern = (
            re.sub("[a-z]-[a-z]", lambda letters: letters[0] + letters[0].upper(), self.pattern)
            if self.lower
            else self.pattern
        )
        return {"type": "string", "pattern": f"^(?:{pattern})$"}


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number from `lowest` to `highest`."""

    lowest: int
    highest: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self.check)

    def check(self, value: object) -> int:
        """Read a whole number, refusing what is none or lies outside."""
        if isinstance(value, str) and re.fullmatch("-?[0-9]{1,12}", value):
            number = int(value)
            if self.lowest <= number <= self.highest:
                return number
        return refuse("is not a whole number that fits", f"write one from {self.lowest} to {self.highest}")

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


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


def _free_text(value: object) -> str:
    if isinstance(value, bool):
        zfs = "on" if value else "off"
        refuse("is a truth value, not text", f'write {zfs} where ZFS is meant, else "{str(value).lower()}" in quotes')
    if not isinstance(value, str) or not value:
        refuse("is not text", "write a word or a sentence")
    if not value.isprintable():
        refuse("holds a line break or a control character", "write it on one line")
    return value


def _network(value: object) -> Network:
    if isinstance(value, str) and "/" in value:
        try:
            return ip_network(value)
        except ValueError as error:
            if "host bits" in str(error):
                refuse("has bits set behind its prefix", f"write {ip_network(value, strict=False)}")
    return refuse("is not a network in CIDR notation", "write it like 192.168.10.0/24")


def json_schema(**schema: Any) -> WithJsonSchema:  # noqa: ANN401 - JSON Schema is free in form
    """Say what JSON Schema tells an editor of a kind of value."""
    return WithJsonSchema(schema)


Name = Annotated[
    str,
    Matching(
        "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "is not a DNS label",
        "use lower-case letters, digits and hyphens, beginning with a letter, at most 63 characters",
    ),
    Called("name", "dl1"),
]
InterfaceName = Annotated[
    str,
    Matching(
        r"(?!(?:all|default)$)[A-Za-z_](?:[A-Za-z0-9_-]|\.(?!\.)){0,14}",
        "is not the name of a network interface",
        "use a letter and up to 14 letters, digits, dots, hyphens and underscores; Linux keeps all and default",
    ),
    Called("name of a network interface", "eno1"),
]
Mac = Annotated[
    str,
    Matching(
        "[0-9a-f][02468ace](?::[0-9a-f]{2}){5}",
        "is not a unicast MAC address",
        "write it like 52:54:00:12:34:56",
        lower=True,
    ),
    Called("MAC address", "52:54:00:12:34:56"),
]
DiskPath = Annotated[
    str,
    Matching(
        "/dev/disk/by-id/[A-Za-z0-9_.:+=@-]+",
        "is not a /dev/disk/by-id path",
        "names such as sda change between boots; `ls -l /dev/disk/by-id` shows the lasting ones",
    ),
    Called("disk", "/dev/disk/by-id/ata-SSD_1"),
]
AbsolutePath = Annotated[
    str,
    Matching(
        r"/|(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.+@-]+)+/?",
        "is not a plain absolute path",
        "write it like /srv/data, without spaces, `.` and `..`",
    ),
    Called("absolute path", "/srv/data"),
]
Text = Annotated[
    str,
    BeforeValidator(_free_text),
    json_schema(type="string", minLength=1),
    Called("text", "a word"),
]
IpAddress = Annotated[
    Address,
    PlainValidator(plain_address),
    json_schema(anyOf=[{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]),
    Called("IP address", "192.168.10.1"),
]
Cidr = Annotated[
    Network,
    PlainValidator(_network),
    json_schema(type="string", pattern="/[0-9]+$"),
    Called("network in CIDR notation", "192.168.10.0/24"),
]
Port = Annotated[
    int,
    Between(1, _HIGHEST_PORT),
    Called("port", 8080),
]
