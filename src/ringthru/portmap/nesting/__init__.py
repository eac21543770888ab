"""A gateway beyond our gateway: found, mapped on as well, and shown as one chain."""
