"""Packets, and what is known of who sends them (RFC 3550, RFC 4733, RFC 8445)."""
