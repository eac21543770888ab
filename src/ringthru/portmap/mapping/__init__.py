"""Our mappings: what is wanted, held, verified and renewed."""
