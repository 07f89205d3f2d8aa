"""Secrets of the lab's own: their names and who reads them. No value ever stands in an inventory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pyhomelab.model.base import Called, Matching, Model, Name, Text
from pyhomelab.model.check import UnitName

_USER = "[a-z_][a-z0-9_-]{0,30}"

Account = Annotated[
    str,
    Matching(_USER, "is not the name of an account", "use small letters, digits, hyphens and underscores"),
    Called("user or group", "postgres"),
]
FileMode = Annotated[
    str,
    Matching("0?[0-7]{3}", "is not the mode of a file", "write three octal digits, such as 0440"),
    Called("mode of a file", "0440"),
]


class OwnSecret(Model):
    """A secret that programs of your own read, as a file on exactly these machines."""

    machines: tuple[Name, ...] = Field(
        title="Machines",
        description="Hosts and guests that read it, as /run/secrets/<name>; nobody else but the admins can.",
        min_length=1,
        examples=[["dl1", "k8s-1"]],
    )
    used_for: Text = Field(
        "programs of your own",
        title="Used for",
        description="What it is for; said where it is listed or missing.",
        examples=["the password of the backup repository"],
    )
    owner: Account = Field("root", title="Owner", description="User who may read the file.")
    group: Account = Field("root", title="Group", description="Group of the file.")
    mode: FileMode = Field("0400", title="Mode", description="Permissions of the file.")
    restart_units: tuple[UnitName, ...] = Field(
        (), title="Units to restart", description="Units that are restarted when the value changes."
    )
