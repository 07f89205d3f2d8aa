"""Files → `Inventory`, or all mistakes with their places; and changes of its text."""
