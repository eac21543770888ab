"""rtpengine's control protocol, ng: its bytes, its client, and a set of nodes that speak it."""
