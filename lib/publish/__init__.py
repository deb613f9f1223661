"""Publishing: the general network with its card, published reports, the README's table."""
