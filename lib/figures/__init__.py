"""Table in, Matplotlib figure out: one module per chapter of the report."""
