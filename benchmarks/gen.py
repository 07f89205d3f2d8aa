"""How long `gen` takes and how much memory, for labs of growing size; and how fast the program starts.

Run: python benchmarks/gen.py [HOSTS…]
"""

from __future__ import annotations

import os
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
    starts = Table("start", f"median of {_ROUNDS}", title="start-up")
    for said, argv in {
        "python -c pass": [sys.executable, "-c", "pass"],
        "pyhomelab --help": [sys.executable, "-m", "pyhomelab", "--help"],
    }.items():
        starts.add_row(said, f"{statistics.median(_seconds(argv) for _ in range(_ROUNDS)) * 1000:.0f} ms")
    columns = ("hosts", "guests", "files", "first gen", "of it writing", "nothing to do", "per host", "most memory")
    growth = Table(*columns, title="gen, best of 3; writing: the same files written by a bare loop")
    for size in sizes:
        growth.add_row(*_gen(size))
    console = Console(width=110)
    console.print(starts)
    console.print(growth)


def _gen(hosts: int) -> tuple[str, ...]:
    text = big_lab(hosts)
    firsts, memories, agains, writes = [], [], [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as directory:
            lab = Path(directory) / "hosts"
            lab.mkdir()
            (lab / "inventory.yaml").write_text(text)
            argv = [sys.executable, "-m", "pyhomelab", "gen", "--json", str(lab)]
            seconds, memory = _measured(argv)
            firsts.append(seconds)
            memories.append(memory)
            agains.append(_seconds(argv))
            written = {path.relative_to(lab): path.read_bytes() for path in lab.rglob("*.nix")}
            writes.append(_bare_write(Path(directory) / "bare", written))
    first = min(firsts)
    times = (f"{first:.2f} s", f"{min(writes):.2f} s", f"{min(agains):.2f} s", f"{first / hosts * 1000:.2f} ms")
    return str(hosts), str(hosts), str(len(written)), *times, f"{max(memories) >> 10} MiB"


def _bare_write(directory: Path, files: dict[Path, bytes]) -> float:
    begun = time.perf_counter()
    for path in sorted({directory / path.parent for path in files}):
        path.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (directory / path).write_bytes(content)
    return time.perf_counter() - begun


def _seconds(argv: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _measured(argv: list[str]) -> tuple[float, int]:
    """Run once; give seconds and the largest resident size in KiB of that one child."""
    begun = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"{argv} failed")
    return time.perf_counter() - begun, usage.ru_maxrss


if __name__ == "__main__":
    main()
