"""What outlives the process: the journal of our mappings, and what gateways taught us."""
