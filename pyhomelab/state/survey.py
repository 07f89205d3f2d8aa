"""The same question to many hosts at once. One that does not answer keeps nobody from hearing the others."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from pyhomelab.errors import HostFailed
from pyhomelab.shell.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyhomelab.machines.targets import Target
    from pyhomelab.shell import Shell

Answer = TypeVar("Answer")
_AT_ONCE = 32
_PATIENCE = 5.0


def survey(
    chosen: Mapping[str, Target],
    machines: Mapping[str, Target],
    ask: Callable[[str, Shell], Answer],
    on_wait: Callable[[Sequence[str]], None],
) -> Iterator[tuple[str, Answer | HostFailed]]:
    """Ask the chosen of the machines, many at a time; gives each answer, or why there is none, as it comes.

    `on_wait` hears every few seconds in which nothing came whom that is due to.
    """
    waiting: SimpleQueue[Target] = SimpleQueue()
    heard: SimpleQueue[tuple[str, Answer | BaseException]] = SimpleQueue()
    for target in chosen.values():
        waiting.put(target)
    with Network(machines) as network:
        for _ in range(min(_AT_ONCE, len(chosen))):
            # none of them is waited for at the end: after Ctrl-C, a host that keeps silent keeps nobody
            Thread(target=_ask_them, args=(network, waiting, ask, heard), daemon=True).start()
        missing = list(chosen)
        while missing:
            try:
                name, answer = heard.get(timeout=_PATIENCE)
            except Empty:
                on_wait(missing)
                continue
            if isinstance(answer, BaseException) and not isinstance(answer, HostFailed):
                raise answer
            missing.remove(name)
            yield name, answer


def _ask_them(
    network: Network,
    waiting: SimpleQueue[Target],
    ask: Callable[[str, Shell], Answer],
    heard: SimpleQueue[tuple[str, Answer | BaseException]],
) -> None:
    while True:
        try:
            target = waiting.get_nowait()
        except Empty:
            return
        try:
            shell = network.open(target)
            try:
                heard.put((target.name, ask(target.name, shell)))
            finally:
                shell.close()
        except BaseException as error:  # noqa: BLE001 - raised again by who listens
            heard.put((target.name, error))
