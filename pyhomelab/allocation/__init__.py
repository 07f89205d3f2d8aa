"""What each machine is given: names and numbers that last, room, the host that runs a guest."""
