"""One inventory in, a NixOS flake out: a home private cloud as one text file."""
