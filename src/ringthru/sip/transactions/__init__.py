"""Requests, their answers, and what is sent again (RFC 3261 §17)."""
