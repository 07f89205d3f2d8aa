"""What a machine is made of → an entry for the inventory, or how it differs from one."""
