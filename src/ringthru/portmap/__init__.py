"""NAT gateways and our mappings on them; a library of its own. Imports net."""
