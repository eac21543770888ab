"""What event_socket.conf says, as typed values.

Lives here: names, types, defaults. Never here: sockets, who may connect.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Self

from ...net.values import frozen
from .parameters import names_until_none, read_parameters
from .tree import Tree
from .values import read_boolean, read_own_address, whole

log = logging.getLogger(__name__)

CLUECON: Final = "ClueCon"  # the password that everybody knows
LOOPBACK_LIST: Final = "loopback.auto"
PARAMETERS: Final[dict[str, Any]] = {
    "listen-ip": lambda text: "127.0.0.1" if not text.strip() else read_own_address(text),
    "listen-port": whole(0, 65535),
    "password": str,
    "stop-on-bind-error": read_boolean,
    "apply-inbound-acl": str,
    "nat-map": read_boolean,
    "debug": str,
}


@frozen
class EventSocketSettings:
    """Where clients connect, and what they need for it."""

    listen_ip: str = "127.0.0.1"
    listen_port: int = 8021  # 0: any free one
    password: str = ""  # "": one is made, and kept in a file
    acls: tuple[str, ...] = (LOOPBACK_LIST,)  # lists or networks; each must let a client in
    stop_on_bind_error: bool = False

    @classmethod
    def read(cls, tree: Tree) -> Self | None:
        """event_socket.conf; None when there is none, and then nothing listens.

        Raises:
            ConfigurationError: a value that cannot be meant.
        """
        element = tree.configuration("event_socket.conf")
        if element is None:
            return None
        parameters = element.inside("settings", "param")
        values = read_parameters(parameters, PARAMETERS, "event_socket.conf")
        if values.pop("nat_map", False):
            text = "%s: event_socket.conf: nat-map is ignored: this port is never opened on a gateway"
            log.warning(text, element.position)
        values.pop("debug", None)
        values.pop("apply_inbound_acl", None)
        acls = names_until_none(parameters, "apply-inbound-acl")
        return cls(**values, acls=acls or (LOOPBACK_LIST,))

    @property
    def on_loopback(self) -> bool:
        """Whether no other machine could reach it."""
        return self.listen_ip.startswith("127.") or self.listen_ip == "::1"
