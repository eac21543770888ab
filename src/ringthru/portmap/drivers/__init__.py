"""What moves bytes and time for the engine: sockets, the kernel's tables, handles. No rule lives here."""
