"""Whether two wishes for one port can be one lease.

Lives here: what the second one may not differ in. Never here: leases, or what becomes of a wish.
"""

from __future__ import annotations

from ipaddress import ip_network

from ..values import Wanted


def objection(held: Wanted, wanted: Wanted) -> str:
    """Why a lease made for ``held`` would break the promise of ``wanted``; empty when it would not.

    A label, a lifetime or a preferred external port is no promise: the first wish decides.
    """
    if _guests(held) != _guests(wanted):
        whom = f"for {', '.join(held.allow_from)} alone" if held.allow_from else "for everybody"
        return f"{whom}: release that mapping first, or name all who may come in at once"
    if wanted.exact and (held.wanted_external_port != wanted.wanted_external_port or not held.exact):
        how = "exactly" if held.exact else "if it can be had"
        return f"at external port {held.wanted_external_port} {how}: release that mapping first"
    return ""


def _guests(wanted: Wanted) -> frozenset[object]:
    """The networks that may come in, however they are written and in whatever order."""
    return frozenset(ip_network(each, strict=False) for each in wanted.allow_from)
