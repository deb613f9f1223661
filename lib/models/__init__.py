"""The networks, one module each, with its features, layers and inference; and their size.

All use only `keras` and `keras.ops`, so they train on TensorFlow, JAX or Torch.  How each is
trained is defined in `lib.training.recipes`.
"""
