"""The fake gateway: a core without sockets that plays every misbehaviour, and what carries its bytes."""
