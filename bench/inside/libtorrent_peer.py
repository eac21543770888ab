"""libtorrent's binding (python3-libtorrent), for /usr/bin/python3: its port mapper, through its session.

``upnp`` or ``natpmp``, then how many. Everything else that a session does is switched off.
"""

import json
import sys
import time
from contextlib import suppress

import libtorrent  # type: ignore[import-not-found]

FIRST_PORT = 20000
QUIET = {
    "listen_interfaces": "192.168.1.103:6881",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "alert_mask": libtorrent.alert.category_t.port_mapping_notification,
}
LIMIT = 30.0  # seconds


def main(protocol: str, count: int) -> None:
    began = time.perf_counter()
    session = libtorrent.session(QUIET | {f"enable_{protocol}": True})
    granted(session, 6881)  # its own port: then the gateway is found
    first = time.perf_counter() - began
    began = time.perf_counter()
    for port in range(FIRST_PORT, FIRST_PORT + count):
        with suppress(
            TypeError
        ):  # what it returns the binding cannot show to Python; it is asked for all the same
            session.add_port_mapping(libtorrent.portmap_protocol.udp, port, port)
        granted(session, port)
    print(json.dumps({"seconds": first, "many": time.perf_counter() - began}))


def granted(session: object, port: int) -> None:
    """Wait until it tells that this port is mapped."""
    deadline = time.perf_counter() + LIMIT
    while time.perf_counter() < deadline:
        session.wait_for_alert(1000)  # type: ignore[attr-defined]
        for alert in session.pop_alerts():  # type: ignore[attr-defined]
            if isinstance(alert, libtorrent.portmap_alert) and alert.external_port == port:
                return
    raise TimeoutError(f"port {port} was not mapped")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
