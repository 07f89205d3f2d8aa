"""What machines say they run, and how that differs from what they were given."""
