"""What metrics.conf says, as typed values; the file is ours, its parameters are event_socket.conf's.

Lives here: names, types, defaults. Never here: sockets, what is shown.
"""

from __future__ import annotations

from typing import Any, Final, Self

from ...net.values import frozen
from .parameters import names_until_none, read_parameters
from .tree import Tree
from .values import read_own_address, whole

LOOPBACK_LIST: Final = "loopback.auto"
PORT: Final = 9282  # where the common exporter for FreeSWITCH listens
PARAMETERS: Final[dict[str, Any]] = {
    "listen-ip": lambda text: "127.0.0.1" if not text.strip() else read_own_address(text),
    "listen-port": whole(0, 65535),
    "apply-inbound-acl": str,
}


@frozen
class MetricsSettings:
    """Where Prometheus asks."""

    listen_ip: str = "127.0.0.1"
    listen_port: int = PORT  # 0: any free one
    acls: tuple[str, ...] = (LOOPBACK_LIST,)  # lists or networks; each must let a client in

    @classmethod
    def read(cls, tree: Tree) -> Self | None:
        """metrics.conf; None when there is none, and then nothing listens.

        Raises:
            ConfigurationError: a value that cannot be meant.
        """
        element = tree.configuration("metrics.conf")
        if element is None:
            return None
        parameters = element.inside("settings", "param")
        values = read_parameters(parameters, PARAMETERS, "metrics.conf")
        values.pop("apply_inbound_acl", None)
        return cls(**values, acls=names_until_none(parameters, "apply-inbound-acl") or (LOOPBACK_LIST,))
