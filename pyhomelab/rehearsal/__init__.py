"""The lab as virtual machines on this computer."""
