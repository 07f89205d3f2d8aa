# Python with what pyhomelab and its tests import.
{ pkgs }:
pkgs.python3.withPackages (python: [
  python.click
  python.fabric
  python.pydantic
  python.rich
  python.ruamel-yaml
  python.ruamel-yaml-clib

  python.hatchling
  python.hypothesis
  python.mypy
  python.pytest
  python.pytest-cov
  python.pytest-xdist
  python.tree-sitter
  python.tree-sitter-grammars.tree-sitter-nix
])
