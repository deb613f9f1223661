"""What `make publish` writes after a full run: the network, its model card, the README's table."""
