"""The wire protocol: vectors, framing, texts, and the docstring that describes it."""
