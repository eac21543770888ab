"""A NATed world in a process: fake gateways, a manual clock, scripted phones."""
