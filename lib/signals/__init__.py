"""Sound as arrays: read from files, mixed with noise, transformed and measured."""
