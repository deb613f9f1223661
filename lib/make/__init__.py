"""What the Makefile asks before, and while, it works: variables, a lock, a notebook at a time.

The standard library is enough for what runs before any package is installed, which is all but
`lib.make.execute`.
"""
