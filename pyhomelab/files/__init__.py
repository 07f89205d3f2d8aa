"""The files of a lab: what is generated, and changes of them, all or nothing."""
