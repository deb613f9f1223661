"""The networks: one module each, with what it sees, its layers and how it is used; and their size.

All use `keras` and `keras.ops` only, so they train on TensorFlow, JAX or Torch.  How each is
trained stands in `lib.training.recipes`.
"""
