"""The clips of a run: the clip store, folds by speaker, training examples and checks."""
