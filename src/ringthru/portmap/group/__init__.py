"""Several gateways at once: one port mapper for each interface, and what they have to agree on."""
