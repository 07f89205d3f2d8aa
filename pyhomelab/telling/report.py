"""What happened → lines for a person, each beginning with the machine that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed
from pyhomelab.telling.events import (
    Advanced,
    AskedAgain,
    Building,
    Evaluating,
    HostEnded,
    Noted,
    Progressed,
    RunBegan,
    RunEnded,
    StageBegan,
    StageEnded,
)
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.telling.events import Event, Stage

STAGES: Mapping[Stage, str] = {
    "copy": "copying its system",
    "activate": "trying its system",
    "drain": "moving its pods elsewhere",
    "reboot": "rebooting",
    "uncordon": "letting pods come back",
    "kexec": "leaving what runs there for an installer in memory",
    "erase": "erasing and laying out its disks",
    "mount": "mounting its disks",
    "install": "installing its system",
    "restart": "restarting it",
    "first boot": "waiting for its first boot",
    "verify": "asking its checks",
}
"""What is done to a machine in each stage, in words."""


def lines(event: Event) -> list[str]:
    """Give the lines that tell a person of an event: none of what changes all the time or is said at the end."""
    match event:
        case Advanced() | HostEnded() | RunEnded():
            return []
        case RunBegan(run_id, kind, hosts):
            return [f"{kind} {run_id} of {counted(len(hosts), 'machine')}"]
        case Noted(sentence):
            return [sentence]
        case Evaluating(hosts, program, at_once):
            return [f"evaluating {counted(len(hosts), 'machine')} with {program}, {at_once} at a time"]
        case AskedAgain(hosts, because):
            return [f"{host}: asked again: {because}" for host in hosts]
        case _:
            return _of_host(event)


def _of_host(
    event: Evaluated | EvaluationFailed | Building | Progressed | Built | BuildFailed | StageBegan | StageEnded,
) -> list[str]:
    match event:
        case StageEnded(host, stage, outcome, why):
            return about(host, f"{stage}: {outcome}{f': {why}' if why else ''}")
        case EvaluationFailed(host, said):
            return about(host, f"evaluation failed\n{said}")
        case BuildFailed(host, said):
            return about(host, f"build failed\n{said}")
        case _:
            return about(event.host, _state(event))


def _state(event: Evaluated | Building | Progressed | Built | StageBegan) -> str:
    match event:
        case Evaluated():
            return "evaluated"
        case Building():
            return "building"
        case Progressed(_, doing):
            return doing
        case StageBegan(_, stage):
            return STAGES[stage]
        case Built(_, toplevel, is_signed, is_on_host):
            where, signed = " there" if is_on_host else "", " and signed" if is_signed else ""
            return f"built{where}{signed}: {toplevel}"


def failures(results: Mapping[str, Built | BuildFailed | EvaluationFailed]) -> str:
    """Say which machines failed, and at what; nothing if all are well."""
    kinds: dict[type, str] = {EvaluationFailed: "evaluated", BuildFailed: "built"}
    sentences = []
    for kind, participle in kinds.items():
        hosts = [host for host, result in results.items() if isinstance(result, kind)]
        if hosts:
            sentences.append(f"{listed(hosts)} could not be {participle}")
    return "; ".join(sentences)


def about(host: str, text: str) -> list[str]:
    """Write text about a machine: each line with its name, those that explain the first further in."""
    first, *others = text.splitlines() or [""]
    return [f"{host}: {first}", *(f"{host}:   {line}" for line in others)]
