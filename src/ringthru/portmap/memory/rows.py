"""Entries of the journal, and sticky wishes, as rows of a table, and back.

Lives here: the columns, and what a row must be to be believed: the file may be damaged, or not by us.
Never here: files, SQL, or what becomes of any of them.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from ..values import Family, GatewayType, Protocol, Wanted
from .holding import GatewayIdentity, Holding, JournalEntry

LONGEST: Final = 2048  # characters: a gateway's words fill neither the file nor our memory
IDENTITY: Final = ("type", "address", "name", "fingerprint", "control")
COLUMNS: Final = (
    *("family", "protocol", "internal_client", "internal_port", "external_port", "lifetime", "description"),
    *("nonce", "reference", "granted", *IDENTITY, "at", "kept", "owner", "own_address", "remote"),
    "allow_from",
)
WISH: Final = (
    *("family", "protocol", "internal_client", "internal_port", "external_port", "exact", "label", "listed"),
    *("allow_from", "lifetime"),
)
WISH_KEY: Final = WISH[:4]


def identity_row(identity: GatewayIdentity) -> tuple[str, ...]:
    """In the order of ``IDENTITY``; a text that is too long is not kept, as if it were unknown."""
    texts = (identity.address, identity.name, identity.fingerprint, identity.control)
    return identity.type.value, *map(_short, texts)


def identity_of(row: tuple[Any, ...]) -> GatewayIdentity:
    """Read back what ``identity_row`` made.

    Raises:
        ValueError: it is no such row.
    """
    kind, *texts = row
    return GatewayIdentity(GatewayType(kind), *map(_text, texts))


def entry_row(entry: JournalEntry) -> tuple[object, ...]:
    """In the order of ``COLUMNS``."""
    held = entry.holding
    return (
        *(held.family.value, held.protocol.value, _short(held.internal_client)),
        *(held.internal_port, held.external_port, held.lifetime, _short(held.description)),
        *(held.nonce, _short(held.reference), int(held.granted), *identity_row(entry.gateway)),
        *(entry.at, int(entry.kept), _short(entry.owner), _short(entry.own_address), _short(held.remote)),
        _short(" ".join(held.allow_from)),
    )


def entry_of(row: tuple[Any, ...]) -> JournalEntry:
    """Read back what ``entry_row`` made.

    Raises:
        ValueError: it is no such row: a port outside 0–65535, a nonce not of 12 bytes, a word we do not know.
    """
    family, protocol, client, internal, external, lifetime, description, nonce, reference, granted, *rest = (
        row
    )
    *gateway, at, kept, owner, own_address, remote, allow_from = rest
    if not isinstance(nonce, bytes) or len(nonce) != 12:
        raise ValueError("a nonce has 12 bytes")
    if not isinstance(at, (int, float)) or not isfinite(at):
        raise ValueError("an entry has a time")
    holding = Holding(
        *(
            Family(family),
            Protocol(protocol),
            _text(client),
            _whole(internal, 65535),
            _whole(external, 65535),
        ),
        *(_whole(lifetime, 2**32 - 1), _text(description), nonce, _text(reference), bool(granted)),
        remote=_text(remote),
        allow_from=tuple(_text(allow_from).split()),
    )
    where = identity_of(tuple(gateway))
    return JournalEntry(holding, where, float(at), bool(kept), _text(owner), _text(own_address))


def wish_row(wanted: Wanted) -> tuple[object, ...]:
    """In the order of ``WISH``."""
    return (
        *(wanted.family.value, wanted.protocol.value, wanted.internal_client or "", wanted.internal_port),
        *(wanted.external_port, int(wanted.exact), _short(wanted.label), int(wanted.listed)),
        *(" ".join(wanted.allow_from), wanted.lifetime),
    )


def wish_of(row: tuple[Any, ...]) -> Wanted:
    """Read back what ``wish_row`` made; what was written down is sticky.

    Raises:
        ValueError: it is no such row.
        LocalError: nobody can want that.
    """
    family, protocol, client, internal, external, exact, label, listed, allow_from, lifetime = row
    return Wanted(
        Protocol(protocol),
        internal,
        external,
        bool(exact),
        _text(label),
        sticky=True,
        listed=bool(listed),
        family=Family(family),
        internal_client=_text(client) or None,
        allow_from=tuple(_text(allow_from).split()),
        lifetime=lifetime,
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else ""


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError("a text was expected")
    return value


def _whole(value: object, most: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"a number from 0 to {most} was expected")
    return value
