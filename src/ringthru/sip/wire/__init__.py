"""Bytes to messages and typed headers, and back: no state, no decisions (RFC 3261 §7, §20, §25)."""
