"""Sockets and connections: UDP, TCP, TLS, and where a URI leads (RFC 3261 §18, RFC 3263)."""
