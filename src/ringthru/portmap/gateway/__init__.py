"""Talking to one gateway: what is asked, in each protocol, and what may come of it."""
