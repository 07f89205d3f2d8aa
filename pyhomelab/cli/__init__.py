"""The command line: each command is a module that parses, calls one function, and prints."""
