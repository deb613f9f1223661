"""What the Makefile asks before, and while, it works: variables, stamps, a lock.

The standard library is enough for all of it, because it runs before any package is installed.
"""
