"""Ringthru: a SIP switch that rings through your NAT."""

__version__ = "0.1.0"
