"""The description a mapping bears in a gateway's table.

Lives here: what every gateway takes. Never here: whose mapping it is.
"""

from __future__ import annotations

from typing import Final

from ..values import OUR_NAME, Wanted

LONGEST_DESCRIPTION: Final = 31  # characters; some gateways cut or refuse more (AD23)
ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-")


def describe(wanted: Wanted) -> str:
    """A description fit for every gateway: short, plain, and unique per protocol and port (AD22, AD23)."""
    unique = f"{wanted.protocol.value} {wanted.internal_port}"
    label = "".join(c if c in ALLOWED else " " for c in wanted.label).strip()
    if label and str(wanted.internal_port) in label and wanted.protocol.value in label.lower():
        unique = ""
    room = LONGEST_DESCRIPTION - len(unique) - 1 if unique else LONGEST_DESCRIPTION
    return f"{(label or OUR_NAME)[:room].rstrip()} {unique}".rstrip()
