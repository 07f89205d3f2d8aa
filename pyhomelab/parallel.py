"""Work that waits for programs, a few at a time."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from pyhomelab.process import BLINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyhomelab.process import Children

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def crew(size: int, children: Children) -> Iterator[ThreadPoolExecutor]:
    """Give so many threads, which wait for `children`; an error that leaves the block stops those at once."""
    threads = ThreadPoolExecutor(size)
    try:
        yield threads
    except BaseException:
        children.stop()
        raise
    finally:
        threads.shutdown(cancel_futures=True)


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], size: int, children: Children
) -> Iterator[Result]:
    """Do the work for each item, so many at once; gives what came out, in the order in which it came."""
    with crew(size, children) as threads:
        for done in as_they_end([threads.submit(work, item) for item in items]):
            yield done.result()


def as_they_end(futures: Iterable[Future[Result]]) -> Iterator[Future[Result]]:
    """Give each future when it is done; a signal is heard meanwhile, which is not so in a wait without an end."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, BLINK, FIRST_COMPLETED)
        yield from done


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Do something in a thread of its own, which keeps nobody from leaving the program before it is done."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by who asks for the result
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
