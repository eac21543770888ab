"""The switch over HTTP: the page for people, its data for programs, ``/metrics`` for Prometheus.

Machines and wire modules know neither sockets nor clocks; only modules with ``driver`` in their name do.
"""
