"""How long `gen` takes and how much memory, for labs of growing size; and how fast the program starts.

Run: python benchmarks/gen.py [HOSTS…]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from big_lab import big_lab
from rich.console import Console
from rich.table import Table

_ROUNDS = 7


def main() -> None:
    """Measure and print both tables."""
    sizes = [int(size) for size in sys.argv[1:]] or [3, 10, 100, 1000, 5000]
    starts = Table("start", "median of 7", title="start-up")
    for said, argv in {
        "python -c pass": [sys.executable, "-c", "pass"],
        "pyhomelab --help": [sys.executable, "-m", "pyhomelab", "--help"],
    }.items():
        starts.add_row(said, f"{statistics.median(_seconds(argv) for _ in range(_ROUNDS)) * 1000:.0f} ms")
    growth = Table("hosts", "guests", "files", "first gen", "again", "per host", "most memory", title="gen")
    for size in sizes:
        growth.add_row(*_gen(size))
    console = Console(width=100)
    console.print(starts)
    console.print(growth)


def _gen(hosts: int) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "hosts").mkdir()
        (Path(directory) / "hosts" / "inventory.yaml").write_text(big_lab(hosts))
        argv = [sys.executable, "-m", "pyhomelab", "gen", "--json", str(Path(directory) / "hosts")]
        first, memory = _measured(argv)
        again = min(_seconds(argv) for _ in range(3))
        files = sum(1 for path in Path(directory).rglob("*.nix"))
    seconds = f"{first:.2f} s", f"{again:.2f} s", f"{first / hosts * 1000:.2f} ms"
    return str(hosts), str(hosts), str(files), *seconds, f"{memory >> 10} MiB"


def _seconds(argv: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    return time.perf_counter() - begun


def _measured(argv: list[str]) -> tuple[float, int]:
    """Run once; give seconds and the largest resident size in KiB of that one child."""
    begun = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"{argv} failed")
    assert isinstance(usage, resource.struct_rusage)  # noqa: S101
    return time.perf_counter() - begun, usage.ru_maxrss


if __name__ == "__main__":
    main()
