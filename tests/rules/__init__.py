"""What is said of a lab that cannot work, a file for each concern."""
