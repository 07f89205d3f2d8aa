"""Options that say how machines are changed, which `plan`, `deploy` and `rollback` share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pyhomelab.cli.options import time_option
from pyhomelab.deployment.runs import Limits
from pyhomelab.trials.reboots import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")

reboot_option = click.option(
    "--reboot",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.NEVER.value,
    show_default=True,
    help="Reboot machines, with proof and a way back: never, where only that brings all of a system, or always.",
)
_MANNER = (
    reboot_option,
    time_option("--activation-limit", "activation", "5m", "How long a system may take to activate."),
    time_option(
        "--probation",
        "probation",
        "2m",
        "How long a machine waits to be told that all is well; thrice that after a boot.",
    ),
    time_option("--boot-limit", "boot", "10m", "How long a machine may take to boot."),
)


def manner_options(command: Command) -> Command:
    """Add the options that say how machines are changed; the command gets them as `limits` and `reboot`."""

    @wraps(command)
    def told(*, activation: int, probation: int, boot: int, reboot: str, **others: Any) -> Any:  # noqa: ANN401 - of any command
        return command(limits=Limits(activation, probation, boot), reboot=Mode(reboot), **others)

    for option in reversed(_MANNER):
        told = option(told)
    return cast("Command", told)
