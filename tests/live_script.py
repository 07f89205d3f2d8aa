"""Tells events as its arguments say, so that a test can see what a person sees: each is a step, on a sign by a pipe."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread

from pyhomelab.cli.telling import Teller, teller
from pyhomelab.state.stations import BuildFailed
from pyhomelab.telling.events import Advanced, HostEnded, Noted, Progressed, RunBegan, StageBegan, StageEnded

HOSTS = ("dl1", "dl2", "k8s-1")


def begin(tell: Teller) -> None:
    tell(RunBegan("r1", "deploy", HOSTS))


def copy(tell: Teller) -> None:
    tell(StageBegan("dl1", "copy"))
    tell(Advanced("dl1", "copying", 30 << 20, 120 << 20, "bytes"))
    tell(StageBegan("dl2", "activate"))
    tell(Progressed("dl2", "nothing failed: confirming it\nand [bold]more[/] \x1b[31mof it"))


def remark(tell: Teller) -> None:
    tell(Noted("a [red]remark[/] :smile:\x1b]0;title\x07"))
    tell(BuildFailed("k8s-1", "error: a\n  at b"))


def stray(tell: Teller) -> None:
    del tell
    sys.stderr.write("waiting for dl2\n")


def ask(tell: Teller) -> None:
    with tell.paused():
        others = Thread(target=remark, args=(tell,))
        others.start()
        others.join()
        answer = input("Change 3 machines? ")
        sys.stdout.write(f"the answer was {answer}\n")


def end(tell: Teller) -> None:
    tell(StageEnded("dl1", "copy", "copied"))
    tell(HostEnded("dl1", "deployed", is_well=True))
    tell(HostEnded("dl2", "rolled back", "web.service failed"))


def many(tell: Teller) -> None:
    for number in range(40):
        tell(StageBegan(f"m{number}", "copy"))


def hurry(tell: Teller) -> None:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        tell(Progressed("dl1", f"at {time.monotonic_ns()}"))


STEPS = {step.__name__: step for step in (begin, copy, remark, stray, ask, end, many, hurry)}

if __name__ == "__main__":
    signs = int(sys.argv[1])
    with teller() as tell:
        for name in sys.argv[2:]:
            STEPS[name](tell)
            os.read(signs, 1)
    sys.stdout.write("after it\n")
