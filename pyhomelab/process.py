"""The one place that starts local programs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Self

from pyhomelab.errors import HomelabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

_TAIL = 10
_KEPT = 1000  # lines of stderr: the log of a failed build, with what was said around it
_PATIENCE = 3.0
BLINK = 0.5
"""How long, in seconds, the main thread waits at most before it looks for a signal."""
_GRACE = 0.2


class ToolMissing(HomelabError):
    """A program that is needed is not on PATH."""


class CommandFailed(HomelabError):
    """A program ended with a failure; its last lines of stderr say why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended with exit code 0, and what it printed."""

    argv: tuple[str, ...]
    stdout: str
    stderr: str


def run(  # noqa: PLR0913 - each is named where it is said
    argv: Sequence[str],
    *,
    doing: str,
    needs: str,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> Finished:
    """Run `argv` to its end, for at most `timeout` seconds, with `environment` besides its own.

    Raises CommandFailed, saying what we were `doing`, for any exit code but 0, and ToolMissing, saying where the
    program comes from (`needs`), if it is not on PATH. What goes to `stdin` is never shown.
    """
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            input=stdin,
            env={**os.environ, **(environment or {})},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise ToolMissing(f"{argv[0]} is not on PATH", hint=needs) from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{doing} took longer than {timeout:g} s") from None
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-_TAIL:])
        raise CommandFailed(f"{doing} failed (exit {done.returncode})\n{tail}")
    return Finished(tuple(argv), done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ended: with its exit code, or minus the signal that killed it, and its last lines of stderr."""

    exit_code: int
    stderr: str

    @property
    def was_killed(self) -> bool:
        """Whether somebody killed it, most often the kernel for want of memory."""
        return self.exit_code == -signal.SIGKILL


class Child:
    """A program that is running; `Children.running` starts it."""

    def __init__(self, process: subprocess.Popen[str], on_stderr: Callable[[str], None]) -> None:
        self._process, self._on_stderr = process, on_stderr
        self._said: deque[str] = deque(maxlen=_KEPT)
        self._printed: SimpleQueue[str | None] = SimpleQueue()
        self._is_at_end = False
        self._listeners = [Thread(target=listen, daemon=True) for listen in (self._print, self._listen)]
        for listener in self._listeners:
            listener.start()

    def lines(self) -> Iterator[str]:
        """Give the lines of its stdout as they come, until it closes it."""
        while not self._is_at_end:
            # Not in one wait: a signal that comes just before one begins is not heard before it ends.
            with suppress(Empty):
                line = self._printed.get(timeout=BLINK)
                if line is None:
                    self._is_at_end = True
                else:
                    yield line

    def end(self) -> Ended:
        """Wait for its end; what of its stdout was not read is lost."""
        for _ in self.lines():
            pass
        exit_code = self._process.wait()
        self._listeners[1].join(_PATIENCE)  # something it left behind may hold stderr open
        return Ended(exit_code, "\n".join(self._said))

    def stop(self) -> None:
        """End it if it still runs, with all that it started: by a signal that it can heed, after 3 s by the other."""
        if self._process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Stop it and let go of its pipes."""
        self.stop()
        pipes = (self._process.stdout, self._process.stderr)
        for listener, pipe in zip(self._listeners, pipes, strict=True):
            listener.join(_PATIENCE)
            if not listener.is_alive():
                _stream(pipe).close()

    def _print(self) -> None:
        for line in _stream(self._process.stdout):
            self._printed.put(line.rstrip("\n"))
        self._printed.put(None)

    def _listen(self) -> None:
        for line in _stream(self._process.stderr):
            self._said.append(line.rstrip("\n"))
            self._on_stderr(self._said[-1])

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Children:
    """Programs that run side by side. Whoever leaves the `with` block stops those that are left, whatever happened."""

    def __init__(self) -> None:
        self._alive: set[Child] = set()
        self._lock = Lock()
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def running(
        self,
        argv: Sequence[str],
        *,
        needs: str,
        environment: Mapping[str, str] | None = None,
        on_stderr: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Child]:
        """Start a program, and stop it when the block is left. `on_stderr` hears each line of stderr, in a thread.

        Raises ToolMissing if it is not on PATH, and CommandFailed once all were told to stop.
        """
        child = self._start(argv, needs, environment, on_stderr)
        try:
            yield child
        finally:
            child.close()
            with self._lock:
                self._alive.discard(child)

    def stop(self) -> None:
        """Stop all that run; no other can be started after that."""
        with self._lock:
            self._stopped = True
            alive = tuple(self._alive)
        stoppers = [Thread(target=child.stop) for child in alive]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()

    def _start(
        self, argv: Sequence[str], needs: str, environment: Mapping[str, str] | None, heard: Callable[[str], None]
    ) -> Child:
        with self._lock:
            if self._stopped:
                raise CommandFailed(f"{argv[0]} was not started: the command is being stopped")
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    env={**os.environ, **(environment or {})},
                    # Of its own, so that a signal reaches what it started too; and without a terminal, so that it fails
                    # where it would wait for an answer that nobody is asked for.
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise ToolMissing(f"{argv[0]} is not on PATH", hint=needs) from None
            child = Child(process, heard)
            self._alive.add(child)
            return child


class Relay:
    """A program that carries a connection, such as a ProxyCommand: what it reads and writes goes over `socket`."""

    def __init__(self, command: str) -> None:
        """Start a command in the user's shell, as OpenSSH does."""
        self.socket, far = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        shell = os.environ.get("SHELL") or "/bin/sh"
        with far:
            self._process = subprocess.Popen(
                [shell, "-c", f"exec {command}"],
                stdin=far.fileno(),
                stdout=far.fileno(),
                stderr=self._stderr,
                start_new_session=True,
            )

    def close(self) -> str:
        """End the connection and the program; gives the last thing that this said on stderr. Once is enough."""
        if self._stderr.closed:
            return ""
        self.socket.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        with self._stderr as stderr:
            stderr.seek(0)
            lines = stderr.read(1 << 16).decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


def _stream(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise AssertionError("a child is started with pipes")
    return pipe
