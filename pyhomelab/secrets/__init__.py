"""Which secrets a lab needs, who can read each, and their files."""
