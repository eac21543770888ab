"""A Prometheus exporter reads a switch with one call in it."""

from __future__ import annotations

import sys

from freeswitch_exporter.collector import collect_esl

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]

print(collect_esl({"port": PORT, "password": PASSWORD}, HOST).decode())
