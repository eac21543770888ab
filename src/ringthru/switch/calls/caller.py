"""Who calls: what a leg is told about the other end."""

from __future__ import annotations

from ...net.values import frozen


@frozen
class Caller:
    """Who calls: what is shown to the called side."""

    name: str
    number: str
    hidden: bool = False  # wants privacy (RFC 3323)
