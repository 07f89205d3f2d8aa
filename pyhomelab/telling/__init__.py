"""What happens, for people and programs: events, lines, a board, JSON."""
