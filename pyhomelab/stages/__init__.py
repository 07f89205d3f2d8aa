"""The steps on the way of a system to its machine, one a module; none knows another."""
