"""A world without sockets: one engine, fake gateways, a clock moved by hand, and a judge."""
