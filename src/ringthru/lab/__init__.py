"""A NATed world in a process: fake gateways, a manual clock, scripted phones. For the demo, the tests and users."""
