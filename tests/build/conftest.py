from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.build.labs import NixLab, nix_lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> NixLab:
    """A lab of three machines, in a store of its own."""
    return nix_lab(tmp_path, "dl1", "dl2", "dl3")
