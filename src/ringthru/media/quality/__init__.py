"""How good it sounds: the E-model, and the echo test with its chirp."""
