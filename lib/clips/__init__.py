"""The clips of a run: stored at the working rate, dealt into folds, made into examples, checked."""
