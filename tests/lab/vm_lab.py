"""A lab of virtual machines that share a wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.lab import slots
from tests.lab.vm_image import vm_image
from tests.lab.vm_state import vm_state
from tests.lab.vms import Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@contextmanager
def vms(machines: Mapping[str, tuple[str, Mapping[str, int]]]) -> Iterator[dict[str, Vm]]:
    """Machines by name, each with its address on the shared wire and its data disks, up until the end of the block."""
    image = vm_image()
    state = vm_state(image)
    with slots.slot() as lab:
        made = {
            name: Vm(name, lab, number, image, disks, address, state)
            for number, (name, (address, disks)) in enumerate(machines.items())
        }
        try:
            together(Vm.resume, made.values())
            yield made
        finally:
            for vm in made.values():
                vm.lose_power()


def together(do: Callable[[Vm], object], machines: Iterable[Vm]) -> None:
    """Something is done on all machines at the same time."""
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(do, machines):
            pass
