"""In which order machines are deployed: what may be away at the same time, what comes before what, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyhomelab.allocation.placement import place
from pyhomelab.text.wording import few

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pyhomelab.model import Guest, Host, Inventory

CANARY = "canary"
"""The tag of machines that go first."""
LEFT_ALONE = "left alone"
_MOST_LISTED = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Machines that keep something up together: it stands while no more than `may_be_down` of them are down."""

    name: str
    kind: Literal["k3s", "kubeadm", "drbd"]
    members: tuple[str, ...]
    may_be_down: int

    def __str__(self) -> str:
        return f"DRBD volume {self.name}" if self.kind == "drbd" else f"the servers of {self.kind} cluster {self.name}"


@dataclass(frozen=True, slots=True)
class Wave:
    """Machines that are activated at the same time, and why each of them has its place in the order."""

    machines: tuple[str, ...]
    why: Mapping[str, str]
    is_canary: bool = False


def groups(inventory: Inventory) -> list[Group]:
    """Give the machines that keep something up together: servers of clusters, replicas and witness of volumes.

    What has a single member is no group: nothing keeps it up while that one is away.
    """
    found = [
        Group(name, cluster.distribution, cluster.servers, (len(cluster.servers) - 1) // 2)
        for name, cluster in inventory.clusters.items()
        if len(cluster.servers) > 1
    ]
    for name, volume in inventory.volumes.items():
        # One, however many there are: what comes back is behind the others until it has caught up.
        found.append(Group(name, "drbd", (*volume.replicas, *filter(None, [volume.witness])), 1))
    return found


def waves(inventory: Inventory, selected: Iterable[str], *, max_parallel: int) -> list[Wave]:
    """Put selected machines in order, in waves of at most `max_parallel` (one or more) machines.

    No wave touches a group twice; a host touches the groups of its guests as well, since its restart takes them down.
    A host is before its guests. The canaries are first: those with the tag and the hosts of these, else the machine on
    which the least depends. The agents of a cluster follow its servers wherever the rest allows it, as Kubernetes wants
    no node to be newer than its API.
    """
    plan = _Plan(inventory, frozenset(selected))
    first = plan.schedule(plan.canaries, max_parallel)
    order = first + plan.schedule(plan.selected - plan.canaries, max_parallel)
    turns = {machine: turn for turn, machines in enumerate(order) for machine in machines}
    return [
        Wave(machines, {machine: plan.why(machine, turns) for machine in machines}, is_canary=turn < len(first))
        for turn, machines in enumerate(order)
    ]


def blocked_by(
    inventory: Inventory, waves: Sequence[Wave], unwell: Mapping[str, str], earlier_canaries: Collection[str] = ()
) -> dict[str, str]:
    """Say which machines are to be left alone, and why, after some did not end well.

    `unwell` has what became of each, such as `rolled back`; one that is in no wave was unwell before the first. Of what
    comes later, that is all that shares a group with it, its guests, the agents of a server, and everything if it is a
    canary, be it one of the waves before these. What was left alone stops only its guests and agents; all others go on.
    """
    ties = Ties(inventory)
    turns = {machine: turn for turn, wave in enumerate(waves) for machine in wave.machines}
    canaries = [*earlier_canaries, *(machine for wave in waves if wave.is_canary for machine in wave.machines)]
    blocked: dict[str, str] = {}
    for machine, turn in turns.items():
        ended = {name: became for name, became in unwell.items() if turns.get(name, -1) < turn}
        hurt = {name: became for name, became in ended.items() if became != LEFT_ALONE}
        missing = ended | dict.fromkeys(blocked, LEFT_ALONE)
        reasons = [
            *(f"comes after {called} ({missing[name]})" for name, called in ties.before(machine) if name in missing),
            *(f"shares {group} with {name} ({hurt[name]})" for name in hurt for group in ties.shared(machine, name)),
            *(f"comes after the canary {name} ({hurt[name]})" for name in canaries if name in hurt),
        ]
        if reasons:
            blocked[machine] = reasons[0]
    return blocked


def degraded(inventory: Inventory, machines: Iterable[str], down: Collection[str]) -> dict[str, str]:
    """Say which of some machines have to wait, and why: with members of their group down, it would not stand.

    A machine that is down itself may well be deployed to: that takes away nothing, and may bring it back.
    """
    ties = Ties(inventory)
    waiting: dict[str, str] = {}
    for machine in machines:
        for group, own in ties.touched[machine].items():
            already = [member for member in group.members if member in down]
            would_be = {*already, *own}
            if already and len(would_be) > max(group.may_be_down, len(already)):
                allowed = f"of {len(group.members)}, {group.may_be_down or 'none'} may be"
                waiting[machine] = (
                    f"would take down one more of {group}: {few(already, _MOST_LISTED)} already down, and {allowed}"
                )
                break
    return waiting


class Ties:
    """What ties the machines of a lab to one another."""

    def __init__(self, inventory: Inventory) -> None:
        self.host_of = place(inventory)
        self.guests_of: dict[str, list[str]] = defaultdict(list)
        for guest, host in self.host_of.items():
            self.guests_of[host].append(guest)
        self.servers_of = {
            agent: cluster.servers for cluster in inventory.clusters.values() for agent in cluster.agents
        }
        self.touched: dict[str, dict[Group, list[str]]] = defaultdict(dict)
        """The groups that lose members while a machine restarts, with those members."""
        for group in groups(inventory):
            for member in group.members:
                for machine in filter(None, (member, self.host_of.get(member))):
                    self.touched[machine].setdefault(group, []).append(member)

    def before(self, machine: str) -> Iterator[tuple[str, str]]:
        """Give what a machine comes after, with what that is to it."""
        if machine in self.host_of:
            yield self.host_of[machine], f"its host {self.host_of[machine]}"
        for server in self.servers_of.get(machine, ()):
            yield server, f"the server {server}"

    def shared(self, one: str, other: str) -> list[Group]:
        """Give the groups that both of two machines touch."""
        return [group for group in self.touched[one] if group in self.touched[other]]


class _Plan(Ties):
    """The order of the selected machines."""

    def __init__(self, inventory: Inventory, selected: frozenset[str]) -> None:
        super().__init__(inventory)
        self.selected = selected
        self.touching: dict[Group, list[str]] = defaultdict(list)
        for machine in sorted(selected):
            for group in self.touched[machine]:
                self.touching[group].append(machine)
        machines: dict[str, Host | Guest] = {**inventory.hosts, **inventory.guests}
        self._tagged = {machine for machine in selected if CANARY in machines[machine].tags}
        self.canaries = self._canaries()

    def _canaries(self) -> frozenset[str]:
        if self._tagged:
            hosts = {self.host_of.get(machine, machine) for machine in self._tagged}
            return self.selected & (self._tagged | hosts)
        return frozenset([min(self._ready(self.selected), key=self._risk)] if len(self.selected) > 1 else [])

    def _risk(self, machine: str) -> tuple[int, int, bool, str]:
        return len(self.touched[machine]), len(self.guests_of[machine]), machine in self.host_of, machine

    def _urgency(self, machine: str) -> tuple[bool, int, str]:
        """Sort first what others wait for, then what is hardest to fit in."""
        rivals = sum(len(self.touching[group]) for group in self.touched[machine])
        return self.selected.isdisjoint(self.guests_of[machine]), -rivals, machine

    def _ready(self, left: AbstractSet[str]) -> list[str]:
        """Give the machines, of those left, that need not wait for another of them."""
        free = [machine for machine in left if self.host_of.get(machine) not in left]
        ready = [machine for machine in free if left.isdisjoint(self.servers_of.get(machine, ()))]
        # If all are agents of servers that are left, these wait for their hosts, which are among the agents.
        return ready or [machine for machine in free if not left.isdisjoint(self.guests_of[machine])]

    def schedule(self, machines: frozenset[str], max_parallel: int) -> list[tuple[str, ...]]:
        """Put machines in waves, taking into each what fits."""
        order: list[tuple[str, ...]] = []
        left = set(machines)
        while left:
            wave: list[str] = []
            touched: set[Group] = set()
            for machine in sorted(self._ready(left), key=self._urgency):
                if not wave or (len(wave) < max_parallel and touched.isdisjoint(self.touched[machine])):
                    wave.append(machine)
                    touched.update(self.touched[machine])
            order.append(tuple(sorted(wave)))
            left.difference_update(wave)
        return order

    def why(self, machine: str, turns: Mapping[str, int]) -> str:
        """Say why a machine has its turn."""
        after = [called for name, called in self.before(machine) if turns.get(name, len(turns)) < turns[machine]]
        guests = sorted(self.selected.intersection(self.guests_of[machine]))
        reasons = []
        if machine in self._tagged:
            reasons.append("the canary, by its tag")
        elif machine in self.canaries and not self._tagged:
            reasons.append("the canary: the least depends on it")
        if after:
            reasons.append(f"after {few(after, _MOST_LISTED)}")
        if guests:
            reasons.append(f"before {_guests(guests)}")
        if alone := self._alone(machine):
            reasons.append(f"one at a time of {few(alone, _MOST_LISTED)}")
        return "; ".join(reasons) or "tied to no other"

    def _alone(self, machine: str) -> list[str]:
        """Give the groups that other selected machines touch, too."""
        own = {machine, self.host_of.get(machine), *self.guests_of[machine]}
        return [
            str(group) if machine in members else f"{group} ({_guests(members)})"
            for group, members in self.touched[machine].items()
            if not own.issuperset(self.touching[group])
        ]


def _guests(names: Sequence[str]) -> str:
    return f"its guest{'s' if len(names) > 1 else ''} {few(names, _MOST_LISTED)}"
