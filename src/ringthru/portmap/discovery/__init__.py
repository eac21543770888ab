"""Finding a gateway, and noticing that it changed."""
