"""A system on trial on its machine, and a reboot on trial: orders to the machine, and its words."""
