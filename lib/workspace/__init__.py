"""A run: what it was given, where its files lie, whether they still hold, and who does the work.

The standard library is enough for what runs before any package is installed: `variables`, `lock`,
`stamps` and `fingerprint`.
"""
