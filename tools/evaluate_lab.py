"""Evaluates every machine below `hosts` with the module system of nixpkgs' lib; a line for each."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.modules.harness import evaluate_many

ASKED = """{
  concerns = lib.attrNames (lib.filterAttrs (_: concern: concern.enable or false) config.homelab);
  units = lib.length (lib.attrNames config.systemd.services);
  secrets = lib.length (lib.attrNames config.sops.secrets);
  refused = map (one: one.message) (
    lib.filter (one: !one.assertion && !lib.hasInfix "with `pyhomelab secret " one.message) config.assertions
  );
}"""


def main(hosts: Path) -> int:
    """Print what each machine runs; 1 if an assertion refuses one of them."""
    machines = {file.parent.name: file.parent for file in sorted(hosts.resolve().glob("*/default.nix"))}
    answers = evaluate_many(machines, ASKED)
    width = max(len(name) for name in answers)
    for name, answer in answers.items():
        concerns = ", ".join(answer["concerns"])
        print(f"{name:{width}}  {concerns}: services {answer['units']}, secrets to make {answer['secrets']}")
        for message in answer["refused"]:
            print(f"{'':{width}}  refused: {message}")
    return int(any(answer["refused"] for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
