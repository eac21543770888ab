"""A small Internet in network namespaces, with real gateways, for tests against real programs."""
