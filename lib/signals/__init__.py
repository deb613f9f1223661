"""Sound: read from files and written to them, mixed, transformed and measured."""
