"""Training: a recipe for each network, the training loop, stored networks and the ablation."""
