"""Measurements of the switch: calls, registrations, what they cost, and what NAT adds."""
