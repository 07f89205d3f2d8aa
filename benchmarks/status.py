"""How long `pyhomelab status` takes for many hosts, beside as many logins by ssh that ask the same.

Run as root: python benchmarks/status.py [HOSTS].
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.resources import files

from real_lab import ROUNDS, real_lab, row
from rich.console import Console
from rich.table import Table


def main() -> None:
    """Measure and print."""
    hosts = int(sys.argv[1]) if sys.argv[1:] else 20
    table = Table("status", "bare", "pyhomelab", "more", title=f"median of {ROUNDS}")
    script = files("pyhomelab").joinpath("host/state.sh").read_text()
    with real_lab(hosts) as lab:
        for number in (1, hosts):
            names = list(lab.hosts)[:number]
            chosen = [word for name in names for word in ("--host", name)]
            bare = partial(lab.on_each, names, lambda host: host.run("sh -s", stdin=script))
            ours = partial(lab.pyhomelab, "status", *chosen)
            table.add_row(*row("1 host" if number == 1 else f"{number} hosts", bare, ours))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
