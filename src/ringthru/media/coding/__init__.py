"""Samples to payloads and back, of whatever codec, and from one codec to another."""
