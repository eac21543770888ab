"""Measurements against named peers, each in the same run on the same machine."""
