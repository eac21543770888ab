"""What the world sees of us: the gateway's word, DNS and STUN, and mapped ports for audio."""
