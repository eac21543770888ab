"""The machine at the heart: one gateway in use, our mappings on it, one request in flight."""
