"""Calls and their legs, from the first message to the last."""
