"""Session descriptions: what is offered, what is answered (RFC 8866, RFC 3264)."""
