"""What a registrar keeps, and whom it believes (RFC 3261 §10, §22)."""
