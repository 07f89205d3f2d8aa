"""The checks of machines, asked, compared and reported."""
