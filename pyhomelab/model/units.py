"""Quantities of the inventory: sizes, ratios, durations and calendars."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator

from pyhomelab.model.base import Called, Matching, json_schema, refuse

MiB = 1 << 20
GiB = 1 << 30
TiB = 1 << 40
_FACTORS = {"MiB": MiB, "GiB": GiB, "TiB": TiB}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST = 3600
_DURATION = re.compile("([0-9]{1,5})([smh])")
_SIZE = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))? ?([KMGTP]i?B?)?")


def _size(value: object) -> int:
    hint = "write it like 512MiB, 36GiB or 1.5TiB"
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse("is not a size", hint)
    whole, fraction, unit = match.groups(default="")
    if unit not in _FACTORS:
        refuse("is not a size in binary units", hint)
    digits: int = 10 ** len(fraction)
    size, rest = divmod(int(whole + fraction) * _FACTORS[unit], digits)
    if rest or size % MiB or not size:
        refuse("is not a whole number of MiB above zero", hint)
    return size


def _ratio(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", value) and float(value) >= 1:
        return float(value)
    return refuse("is not a ratio", "write a number from 1 up, such as 1.5")


def _duration(value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse("is not a duration", "write it like 30s, 5m or 1h")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 0 < seconds <= _LONGEST:
        refuse("is not a duration from a second to an hour", "write it like 30s, 5m or 1h")
    return seconds


Size = Annotated[
    int,
    PlainValidator(_size),
    json_schema(type="string", pattern="^[0-9]+(\\.[0-9]{1,3})? ?[MGT]iB$"),
    Called("size", "36GiB"),
]
Duration = Annotated[
    int,
    PlainValidator(_duration),
    json_schema(type="string", pattern="^[0-9]{1,5}[smh]$"),
    Called("duration", "30s"),
]
Ratio = Annotated[
    float,
    PlainValidator(_ratio),
    json_schema(type="number", minimum=1),
    Called("ratio", 1.5),
]
_PART = r"(?:\*|[0-9]{1,4})(?:\.\.[0-9]{1,4})?(?:/[0-9]{1,4})?"
_PARTS = rf"{_PART}(?:,{_PART})*"
_DAY = (
    "(?:[Mm]on(?:day)?|[Tt]ue(?:s(?:day)?)?|[Ww]ed(?:nesday)?|[Tt]hu(?:rs(?:day)?)?|"
    "[Ff]ri(?:day)?|[Ss]at(?:urday)?|[Ss]un(?:day)?)"
)
_DATE = rf"(?:{_PARTS}-)?{_PARTS}[-~]{_PARTS}"
_TIME = rf"{_PARTS}:{_PARTS}(?::{_PARTS})?"
Calendar = Annotated[
    str,
    Matching(
        "(?:minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually)|"
        rf"(?:{_DAY}(?:(?:,|\.\.){_DAY})*(?: {_DATE})?(?: {_TIME})?|{_DATE}(?: {_TIME})?|{_TIME})"
        "(?: [A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*)?",
        "is not a calendar expression of systemd",
        "write it like hourly, weekly, Sun 03:00 or *-*-01 02:30 (`systemd-analyze calendar` explains one)",
    ),
    Called("calendar expression of systemd", "Sun 03:00"),
]
