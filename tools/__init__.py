"""What a person who works on the repository runs."""
