"""Work that waits for programs, a few at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

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
        for done in as_completed([threads.submit(work, item) for item in items]):
            yield done.result()
