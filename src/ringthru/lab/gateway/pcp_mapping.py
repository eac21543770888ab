"""What the fake gateway's PCP server remembers of a mapping, and the filters in front of it.

Lives here: the values, and reading FILTER options (RFC 6887 §13.3).
Never here: what is granted.
"""

from __future__ import annotations

import struct
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from .pcp_messages import FILTER, Option, PcpError, Result, read_address, write_address

MOST_FILTERS: Final = 8  # for one mapping


@frozen
class Filter:
    """Who may come in: a prefix of remote addresses, and a port (0: any)."""

    address: str
    prefix: int  # 0–128, as on the wire: an IPv4 prefix counts from 96
    port: int

    def lets_in(self, remote: str) -> bool:
        """Whether a remote address is within the prefix."""
        one, other = (int.from_bytes(write_address(text)) for text in (self.address, remote))
        return one >> 128 - self.prefix == other >> 128 - self.prefix


@frozen
class PcpMapping:
    """What the server remembers beside the table's own entry; the whole of it for an IPv6 pinhole."""

    nonce: bytes
    external: Endpoint
    expires_at: float
    filters: tuple[Filter, ...] = ()


def read_filters(options: tuple[Option, ...], old: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """§13.3: options add to the filters there are; a prefix of 0 takes all that came before away.

    Raises:
        PcpError: a prefix that cannot be, or more filters than we keep.
    """
    filters = old
    for option in options:
        if option.code != FILTER:
            continue
        prefix, port = struct.unpack_from("!xBH", option.data)
        each = Filter(read_address(option.data[4:]), prefix, port)
        if prefix > 128 or (prefix and ":" not in each.address and prefix < 96):
            raise PcpError(Result.MALFORMED_OPTION)
        filters = () if prefix == 0 else (*(f for f in filters if f != each), each)
    if len(filters) > MOST_FILTERS:
        raise PcpError(Result.EXCESSIVE_REMOTE_PEERS)
    return filters
