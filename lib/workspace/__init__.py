"""A run: its inputs, where its files are stored, whether they are up to date, and its workers.

The modules that run before any package is installed need only the standard library: `variables`,
`lock`, `stamps` and `fingerprint`.
"""
