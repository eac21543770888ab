"""What this package raises on purpose: one root, two branches."""

from __future__ import annotations


class PortmapError(Exception):
    """Everything the port-mapping engine raises on purpose."""


class LocalError(PortmapError):
    """We asked for what the protocol forbids: a bug or a bad setting; never retried."""


class RemoteError(PortmapError):
    """The gateway answered what we cannot use: logged and counted, never fatal."""


class MalformedMessage(RemoteError):
    """The bytes are not the message their first octets announce."""
