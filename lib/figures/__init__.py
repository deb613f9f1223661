"""Matplotlib figures of the report, from tables and arrays; `style` and `marks` are shared."""
