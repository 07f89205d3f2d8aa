"""Replication of datasets: from one host to another, never back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyhomelab.allocation.identity import received_dataset
from pyhomelab.errors import Mistake
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyhomelab.model import Dataset, Replication
    from pyhomelab.rules.scope import Path, Scope

_Place = tuple[str, str, str]


class _Job(NamedTuple):
    """A dataset (host, pool, name) that is sent to another."""

    path: Path
    source: _Place
    target: _Place
    dataset: Dataset
    replica: Replication


def _jobs(scope: Scope) -> Iterator[_Job]:
    for name, host in scope.inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            for dataset_name, dataset in pool.datasets.items():
                replica = dataset.replicate
                if replica is not None:
                    path = ("hosts", name, "zfs", pool_name, "datasets", dataset_name, "replicate")
                    received = received_dataset(name, pool_name, dataset_name, replica)
                    target = (replica.host, replica.pool, received)
                    yield _Job(path, (name, pool_name, dataset_name), target, dataset, replica)


def replicas_go_to_another_host(scope: Scope) -> Iterator[Mistake]:
    """Refuse a receiver that is the sender, does not exist, or lacks the pool."""
    for job in _jobs(scope):
        receiver = scope.inventory.hosts.get(job.replica.host)
        if job.replica.host == job.source[0]:
            hint = "name another: a copy in the same machine is lost with it"
            yield Mistake((*job.path, "host"), "is the host that sends", hint)
        elif receiver is None:
            yield from scope.unknown((*job.path, "host"), job.replica.host, "host", "hosts")
        elif job.replica.pool not in receiver.zfs:
            hint = near_miss(job.replica.pool, receiver.zfs, kind="pool")
            yield Mistake((*job.path, "pool"), f"is not a pool of host {job.replica.host}", hint)


def replicas_have_snapshots(scope: Scope) -> Iterator[Mistake]:
    """Refuse to send snapshots of a dataset that has none."""
    for job in _jobs(scope):
        if job.dataset.snapshots is None:
            hint = "add `snapshots: {}` to the dataset"
            yield Mistake(job.path, "would send snapshots, but none are made", hint, shows_value=False)


def replicas_have_a_network(scope: Scope) -> Iterator[Mistake]:
    """Refuse a sender and a receiver without a network in common."""
    for job in _jobs(scope):
        sender, receiver = job.source[0], job.replica.host
        network = job.replica.network
        if network is not None:
            yield from scope.unknown((*job.path, "network"), network, "network", "networks")
        if receiver not in scope.inventory.hosts or receiver == sender or scope.is_broken("networks", network or ""):
            continue
        common = _networks(scope, sender) & scope.fixed.get(receiver, {}).keys()
        if network is None and not common:
            reason = f"has no way to send: {sender} is in no network in which {receiver} has a fixed address"
            hint = f"give a link of {receiver} an `address:` in a network of {sender}"
            yield Mistake(job.path, reason, hint, shows_value=False)
        elif network in scope.inventory.networks and network not in common:
            reason = f"is not a network of {sender} in which {receiver} has a fixed address"
            hint = near_miss(network, common, kind="such network")
            yield Mistake((*job.path, "network"), reason, hint)


def _networks(scope: Scope, host: str) -> set[str]:
    return {
        attached.network
        for attached in scope.attachments_of.get(host, [])
        if attached.network is not None and attached.address is not None
    }


def replicas_have_places_of_their_own(scope: Scope) -> Iterator[Mistake]:
    """Refuse two datasets received as one, and one received over a dataset that exists by itself."""
    jobs = list(_jobs(scope))
    circles = _circles(jobs)
    first: dict[_Place, _Place] = {}
    for job in jobs:
        host, pool, name = job.target
        receiver = scope.inventory.hosts.get(host)
        path = (*job.path, "dataset") if job.replica.dataset is not None else job.path
        reason = hint = ""
        if job.target in first:
            reason = f"is where {_said(first[job.target])} is received, too"
            hint = "give each replica a `dataset:` of its own"
        elif job.source in circles:
            reason = f"would come back: {_said(job.target)} is sent on, and ends where it began"
            hint = "send in one direction only"
        elif receiver is not None and pool in receiver.zfs and name in receiver.zfs[pool].datasets:
            reason = f"is a dataset of its own on {host}, and would be overwritten"
            hint = "receive into a `dataset:` that nobody writes to, such as replica/NAME"
        if reason:
            yield Mistake(path, reason, hint, shows_value=path[-1] == "dataset")
        first.setdefault(job.target, job.source)


def replicas_lie_below_a_parent(scope: Scope) -> Iterator[Mistake]:
    """Refuse a replica right below a pool: the sender is given rights on its parent."""
    for job in _jobs(scope):
        if "/" not in job.target[2]:
            reason = f"lies right below pool {job.replica.pool}, on which the sender would be given rights"
            yield Mistake((*job.path, "dataset"), reason, f"write it like replica/{job.target[2]}")


def replicas_are_sent_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse a dataset that goes along with one above it, and two whose jobs would have one name."""
    jobs = {job.source: job for job in _jobs(scope)}
    first: dict[tuple[str, str], _Place] = {}
    for source, job in jobs.items():
        host, pool, name = source
        above = next((jobs[place] for place in _and_above(source) if place != source and place in jobs), None)
        key = (host, f"{pool}/{name}".replace("/", "-"))
        if above is not None and job.target == _within(above, name):
            reason = f"goes along with {_said(above.source)}, which is sent to the same place"
            yield Mistake(job.path, reason, "leave one of the two out", shows_value=False)
        elif key in first:
            reason = f"would have the name {key[1]} of the job that sends {_said(first[key])}"
            yield Mistake(job.path, reason, "rename one of the two datasets", shows_value=False)
        first.setdefault(key, source)


def _within(above: _Job, name: str) -> _Place:
    """Give the place of a dataset that is received with one above it."""
    host, pool, target = above.target
    return host, pool, target + name.removeprefix(above.source[2])


def _circles(jobs: Iterable[_Job]) -> set[_Place]:
    """Find the datasets that are sent in a circle. What is received below a dataset is sent on with it."""
    following: dict[_Place, list[_Place]] = {}
    sent = {job.source for job in jobs}
    for job in jobs:
        following[job.source] = [place for place in _and_above(job.target) if place in sent]
    waiting = dict.fromkeys(sent, 0)
    for places in following.values():
        for place in places:
            waiting[place] += 1
    # What nobody sends to is in no circle, nor then is what only such ones send to.
    free = [place for place, senders in waiting.items() if not senders]
    while free:
        for place in following.pop(free.pop()):
            waiting[place] -= 1
            if not waiting[place]:
                free.append(place)
    return _that_come_back(following)


def _that_come_back(following: dict[_Place, list[_Place]]) -> set[_Place]:
    """Drop, of what a circle reaches, all that leads nowhere."""
    leading = {place: sum(after in following for after in afters) for place, afters in following.items()}
    before: dict[_Place, list[_Place]] = {place: [] for place in following}
    for place, afters in following.items():
        for after in afters:
            if after in before:
                before[after].append(place)
    ends = [place for place, afters in leading.items() if not afters]
    while ends:
        end = ends.pop()
        del leading[end]
        for place in before[end]:
            leading[place] -= 1
            if not leading[place]:
                ends.append(place)
    return set(leading)


def _and_above(place: _Place) -> Iterator[_Place]:
    host, pool, name = place
    while name:
        yield host, pool, name
        name = name.rpartition("/")[0]


def _said(place: _Place) -> str:
    host, pool, name = place
    return f"{pool}/{name} of {host}"
