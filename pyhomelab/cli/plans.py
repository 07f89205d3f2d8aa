"""A plan as a person reads it, and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pyhomelab.text.wording import counted, in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyhomelab.deployment.rollout import Change, Rollout
    from pyhomelab.nix.packages import Package
    from pyhomelab.nix.room import Prospect
    from pyhomelab.planning.waves import Wave

_MOST_PACKAGES = 10
_MOST_UNITS = 8


def show_plan(plan: Rollout, *, err: bool, is_full: bool = False) -> None:
    """Show what would be done, and in which order; on stderr where stdout is for what became of it."""
    for line in plan_lines(plan, is_full=is_full):
        click.echo(line, err=err)


def plan_lines(plan: Rollout, *, is_full: bool = False) -> Iterator[str]:
    """Give the lines that tell a person of a plan: the machines that stay as they are, then the waves.

    Of many packages only the largest are named, unless it is to be the full story.
    """
    for host in plan.in_sync:
        yield f"{host}: in sync"
        yield from (f"{host}: {remark}" for remark in plan.remarks.get(host, ()))
    for host, why in plan.left_out.items():
        yield f"{host}: left alone: {why}"
    for number, wave in enumerate(plan.waves, start=1):
        yield f"wave {number}{' (canary)' if wave.is_canary else ''}:"
        for host in wave.machines:
            yield from _machine(plan, wave, host, is_full=is_full)


def _machine(plan: Rollout, wave: Wave, host: str, *, is_full: bool) -> Iterator[str]:
    yield f"  {host} ({wave.why[host]})" if wave.why.get(host) else f"  {host}"
    yield from (f"    {line}" for line in _change(plan.changes[host]))
    yield from (f"    {remark}" for remark in plan.remarks.get(host, ()))
    prospect = plan.prospects.get(host)
    if prospect is not None:
        yield from (f"    {line}" for line in _prospect(prospect, is_full=is_full))


def _change(change: Change) -> Iterator[str]:
    yield f"from {change.old}"
    yield f"to   {change.new}"
    if change.needs_boot:
        yield f"cannot be switched to: only a reboot brings its {listed(change.needs_boot)}"
    if change.reboot_for:
        yield f"a reboot brings its {listed(change.reboot_for)}"


def _prospect(prospect: Prospect, *, is_full: bool) -> Iterator[str]:
    yield from _packages(prospect, is_full=is_full)
    if prospect.units is not None:
        yield f"units: {_named(asdict(prospect.units), is_full=is_full) or 'none is touched'}"
    elif files := _named(asdict(prospect.unit_files), is_full=is_full):
        yield f"unit files: {files}"
    copies = f"{counted(prospect.paths, 'store path')}, {in_units(prospect.copied)}" if prospect.paths else "nothing"
    yield f"to copy: {copies}"
    needs = [f"{space.place} {in_units(space.needed)} of {in_units(space.free)} free" for space in prospect.spaces]
    yield f"space needed: {', '.join(needs)}"


def _packages(prospect: Prospect, *, is_full: bool) -> Iterator[str]:
    packages = prospect.packages
    if not prospect.old_size:
        return
    added, removed = sum(one.is_added for one in packages), sum(one.is_removed for one in packages)
    counts = {"added": added, "removed": removed, "changed": len(packages) - added - removed}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "all the same"
    yield f"packages: {said}; {in_units(prospect.new_size)} in all{_delta(prospect.new_size - prospect.old_size)}"
    shown = packages if is_full or len(packages) <= _MOST_PACKAGES + 1 else packages[:_MOST_PACKAGES]
    yield from (f"  {_package(one)}" for one in shown)
    if len(shown) < len(packages):
        yield f"  and {len(packages) - len(shown)} more (`pyhomelab plan --full`)"


def _package(package: Package) -> str:
    if package.is_added:
        return f"+ {_versioned(package.name, package.new)}, {in_units(package.new_size)}"
    if package.is_removed:
        return f"- {_versioned(package.name, package.old)}, {in_units(package.old_size)}"
    arrow = f" → {listed(package.new)}" if package.old != package.new else ""
    return f"~ {_versioned(package.name, package.old)}{arrow}{_delta(package.new_size - package.old_size)}"


def _versioned(name: str, versions: Sequence[str]) -> str:
    known = [version for version in versions if version]
    return f"{name} {listed(known)}" if known else name


def _delta(size: int) -> str:
    return f", {'+' if size > 0 else '-'}{in_units(abs(size))}" if size else ""


def _named(units: Mapping[str, Sequence[str]], *, is_full: bool) -> str:
    """Say what becomes of which units; of many, how many there are."""
    said = []
    for word, names in units.items():
        hidden = 0 if is_full else max(0, len(names) - _MOST_UNITS)
        shown = [*names[: len(names) - hidden], *([f"{hidden} more"] if hidden else [])]
        said += [f"{word} {listed(shown)}"] if names else []
    return "; ".join(said)


def plan_data(plan: Rollout, chosen: Iterable[str]) -> dict[str, Any]:
    """Give a plan for the chosen machines as plain data; those of which it says nothing could not be built."""
    changed = {
        host: {
            "state": "changed",
            "from": change.old,
            "to": change.new,
            "reboot_for": change.reboot_for,
            "needs_boot": change.needs_boot,
            **_standing(plan, host),
            **(_prospect_data(plan.prospects[host]) if host in plan.prospects else {}),
        }
        for host, change in plan.changes.items()
    }
    same = {host: {"state": "in sync", **_standing(plan, host)} for host in plan.in_sync}
    alone = {host: {"state": "left alone", "why": why} for host, why in plan.left_out.items()}
    waves = [{"machines": wave.machines, "why": dict(wave.why), "canary": wave.is_canary} for wave in plan.waves]
    unbuilt = {host: {"state": "not built"} for host in chosen}
    return {"hosts": {**unbuilt, **same, **changed, **alone}, "waves": waves}


def _standing(plan: Rollout, host: str) -> dict[str, Any]:
    return {"drift": plan.drifts.get(host, "unknown"), "remarks": plan.remarks.get(host, ())}


def _prospect_data(prospect: Prospect) -> dict[str, Any]:
    return {
        "packages": [asdict(package) for package in prospect.packages],
        "unit_files": asdict(prospect.unit_files),
        "size": {"old": prospect.old_size, "new": prospect.new_size},
        "copy": {"paths": prospect.paths, "bytes": prospect.copied},
        "space": [asdict(space) for space in prospect.spaces],
        "units": asdict(prospect.units) if prospect.units is not None else None,
    }
