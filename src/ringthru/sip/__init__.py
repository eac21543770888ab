"""RFC 3261 signalling; knows neither NAT nor media. Imports net."""
