"""What web.conf says, as typed values; the file is ours, its parameters are event_socket.conf's.

Lives here: names, types, defaults. Never here: sockets, who is let in.
"""

from __future__ import annotations

from typing import Any, Final, Self

from ...net.values import frozen
from .parameters import names_until_none, read_parameters
from .tree import Tree
from .values import read_own_address, whole
from .weak_secrets import reason_for_weakness

LOOPBACK_LIST: Final = "loopback.auto"
PORT: Final = 8022  # beside the event socket's 8021
PARAMETERS: Final[dict[str, Any]] = {
    "listen-ip": lambda text: "127.0.0.1" if not text.strip() else read_own_address(text),
    "listen-port": whole(0, 65535),
    "password": str,
    "apply-inbound-acl": str,
    "host-name": str,
}


@frozen
class WebSettings:
    """Where the web page is, and who sees it."""

    listen_ip: str = "127.0.0.1"  # `auto`: this machine’s own on its LAN
    listen_port: int = PORT  # 0: any free one
    password: str = ""  # none: one is made, and kept in a file
    acls: tuple[str, ...] = (LOOPBACK_LIST,)  # lists or networks; each must let a client in
    host_names: tuple[str, ...] = ()  # by which browsers may ask for it, beside addresses and localhost

    @classmethod
    def read(cls, tree: Tree) -> Self | None:
        """web.conf; None when there is none, and then nothing listens.

        Raises:
            ConfigurationError: a value that cannot be meant.
        """
        element = tree.configuration("web.conf")
        if element is None:
            return None
        parameters = element.inside("settings", "param")
        values = read_parameters(parameters, PARAMETERS, "web.conf")
        for repeated in ("apply_inbound_acl", "host_name"):
            values.pop(repeated, None)
        acls = names_until_none(parameters, "apply-inbound-acl") or (LOOPBACK_LIST,)
        names = names_until_none(parameters, "host-name")
        return cls(**values, acls=acls, host_names=tuple(each.lower() for each in names))

    @property
    def weakness(self) -> str | None:
        """What is wrong with the password that is written there, in words that follow "the password"."""
        return reason_for_weakness("", "", self.password, None) if self.password else None

    @property
    def on_loopback(self) -> bool:
        """Whether no other machine could reach it."""
        return self.listen_ip.startswith("127.") or self.listen_ip == "::1"
