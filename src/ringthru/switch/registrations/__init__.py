"""What becomes of registrations: how a phone is reached, whether it still is, what survives a restart."""
