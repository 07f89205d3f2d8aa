"""A bare machine becomes a machine of the lab."""
