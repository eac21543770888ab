"""The outside echo: proof that a mapping is reached from the Internet."""
