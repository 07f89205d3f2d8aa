"""A machine that leaves the lab."""
