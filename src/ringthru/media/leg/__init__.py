"""One leg's media: its stream both ways, what it plays and keeps, its SRTP (RFC 3711)."""
