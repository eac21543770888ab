"""What PCP's and NAT-PMP's clients say and read alike.

Lives here: words for people, and which external addresses are none. Never here: anything of one protocol.
"""

from __future__ import annotations

from typing import Final

NOT_ALLOWED: Final = (
    "the gateway does not let this machine open ports: allow it there"
    ' (on a FRITZ!Box: Internet > Freigaben, "Selbständige Portfreigaben" for this device)'
)
NO_GRANT: Final = "the gateway says yes, and grants no port or no time at all"
STILL_THERE: Final = "the gateway granted what it was to delete, and said no more"
CANNOT_READ: Final = "has no request for reading the gateway's table of mappings"
NO_ADDRESSES: Final = frozenset(("255.255.255.255", "::", "::1"))  # beside 0.x.x.x and 127.0.0.x


def known_address(told: str) -> str:
    """The external address as told; empty for what gateways say that know none (rows EX02, NP10).

    The rest of 127/8 is left to ``AddressRules``: a laboratory may have its Internet there.
    """
    return "" if told in NO_ADDRESSES or told.startswith(("0.", "127.0.0.")) else told
