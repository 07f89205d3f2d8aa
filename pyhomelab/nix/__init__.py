"""A flake → systems: evaluated, built, signed, copied; and what Nix says meanwhile."""
