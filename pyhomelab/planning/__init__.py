"""Who goes when, and what is moved elsewhere before."""
