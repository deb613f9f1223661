"""Table in, Matplotlib figure out; `style` and `marks` are for all."""
