"""Table in, Matplotlib figure out: one module per chapter; `style` and `marks` are for all."""
