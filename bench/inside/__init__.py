"""Programs that the bench runs inside a laboratory's namespace: ours, the bare exchange, and peers."""
