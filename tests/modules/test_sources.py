"""What the modules are tested with is found without asking Nix for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.modules.sources import nixpkgs_lib, store_path


def test_the_place_of_a_fetched_tree_follows_from_its_hash() -> None:
    fetched = store_path("sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=")
    assert fetched == Path("/nix/store/ms37m6i4z2hfa1lm7a6lch7lw9vcr26l-source")


@pytest.mark.parametrize("below", ["", "lib"])
def test_a_place_named_by_hand_may_be_lib_or_hold_it(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lib = tmp_path / below
    lib.mkdir(exist_ok=True)
    (lib / "modules.nix").touch()
    monkeypatch.setenv("PYHOMELAB_NIXPKGS_LIB", str(tmp_path))
    assert nixpkgs_lib.__wrapped__() == lib


def test_a_place_named_by_hand_is_the_only_one_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYHOMELAB_NIXPKGS_LIB", str(tmp_path))
    assert nixpkgs_lib.__wrapped__() is None
