"""The reference pages of docs/, each rendered from what the program itself goes by."""
