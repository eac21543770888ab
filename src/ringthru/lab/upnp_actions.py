"""The actions of WANIPConnection:1 and :2 on the fake gateway's table.

Lives here: each action's arguments, answer and faults (UPnP WANIPConnection:2 §2.5).
Never here: XML, HTTP, sockets; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final

from ..net.address import Endpoint
from .mapping_table import Entry, Key, MappingTable, Reason, Refused

Arguments = Mapping[str, str]
Answer = dict[str, str]
LONGEST_LEASE: Final = 604800  # seconds; IGD:2 knows nothing longer, and turns 0 into it

FAULTS: Final = {
    401: "Invalid Action",
    402: "Invalid Args",
    501: "Action Failed",
    606: "Action not authorized",
    713: "SpecifiedArrayIndexInvalid",
    714: "NoSuchEntryInArray",
    716: "WildCardNotPermittedInExtPort",
    718: "ConflictInMappingEntry",
    725: "OnlyPermanentLeasesSupported",
    726: "RemoteHostOnlySupportsWildcard",
}
REASONS: Final = {
    Reason.CONFLICT: 718,
    Reason.NOT_AUTHORIZED: 606,
    Reason.ONLY_PERMANENT: 725,
    Reason.FULL: 501,
    Reason.FAILED: 501,
}


class Fault(Exception):
    """An action refused, with its UPnP error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {FAULTS[code]}")
        self.code = code


class WanIpConnection:
    """The service of one gateway. ``epoch`` and ``external_address`` as in the NAT-PMP server."""

    def __init__(
        self, table: MappingTable, epoch: Callable[[], int], external_address: Callable[[], str]
    ) -> None:
        self._table = table
        self._epoch = epoch
        self._external_address = external_address
        self._actions: dict[str, Callable[[Arguments, str], Answer]] = {
            "GetExternalIPAddress": self._get_external_address,
            "GetStatusInfo": self._get_status,
            "AddPortMapping": self._add,
            "DeletePortMapping": self._delete,
            "GetSpecificPortMappingEntry": self._get_specific,
            "GetGenericPortMappingEntry": self._get_generic,
        }

    @property
    def actions(self) -> tuple[str, ...]:
        return (*self._actions, *(["AddAnyPortMapping"] if self._version >= 2 else []))

    @property
    def _version(self) -> int:
        return self._table.quirks.igd_version

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        """Do it; ``client`` is the asking host's address.

        Raises:
            Fault: with the code a real gateway would give.
        """
        if action == "AddAnyPortMapping" and self._version >= 2:
            return self._add_any(arguments, client)
        if action not in self._actions:
            raise Fault(401)
        return self._actions[action](arguments, client)

    def _get_external_address(self, _arguments: Arguments, _client: str) -> Answer:
        return {"NewExternalIPAddress": self._external_address()}

    def _get_status(self, _arguments: Arguments, _client: str) -> Answer:
        return {
            "NewConnectionStatus": "Connected" if self._external_address() else "Disconnected",
            "NewLastConnectionError": "ERROR_NONE",
            "NewUptime": str(self._epoch()),
        }

    def _add(self, arguments: Arguments, client: str) -> Answer:
        self._grant(arguments, client, self._table.add)
        return {}

    def _add_any(self, arguments: Arguments, client: str) -> Answer:
        entry = self._grant(arguments, client, self._table.add_near)
        return {"NewReservedPort": str(entry.key.external_port)}

    def _grant(self, arguments: Arguments, client: str, add: Callable[..., Entry]) -> Entry:
        key = _key(arguments)
        internal = Endpoint(_text(arguments, "NewInternalClient"), _number(arguments, "NewInternalPort"))
        lease = _number(arguments, "NewLeaseDuration", LONGEST_LEASE if self._version >= 2 else 2**32 - 1)
        if key.external_port == 0:
            raise Fault(716)
        if internal.port == 0 or _text(arguments, "NewEnabled") not in ("1", "true", "yes"):
            raise Fault(402)
        if self._table.quirks.secure and internal.host != client:
            raise Fault(606)
        lifetime = lease or (LONGEST_LEASE if self._version >= 2 else None)
        if self._table.quirks.permanent_only and lease == 0:
            lifetime = None
        try:
            return add(
                key,
                internal,
                lifetime,
                description=_text(arguments, "NewPortMappingDescription"),
                made_by="upnp",
            )
        except Refused as refused:
            raise Fault(REASONS[refused.reason]) from refused

    def _delete(self, arguments: Arguments, client: str) -> Answer:
        key = _key(arguments)
        entry = self._table.get(key)
        if entry is None:
            raise Fault(714)
        if self._table.quirks.secure and entry.internal.host != client:
            raise Fault(606)
        self._table.delete(key)
        return {}

    def _get_specific(self, arguments: Arguments, _client: str) -> Answer:
        entry = self._table.get(_key(arguments))
        if entry is None:
            raise Fault(714)
        return self._held(entry)

    def _get_generic(self, arguments: Arguments, _client: str) -> Answer:
        entries = list(self._table)
        index = _number(arguments, "NewPortMappingIndex")
        if index >= len(entries):
            raise Fault(713)
        key = entries[index].key
        return {
            "NewRemoteHost": "",
            "NewExternalPort": str(key.external_port),
            "NewProtocol": key.protocol.upper(),
            **self._held(entries[index]),
        }

    def _held(self, entry: Entry) -> Answer:
        """What both listing actions tell of an entry; lease 0 is a permanent one."""
        return {
            "NewInternalPort": str(entry.internal.port),
            "NewInternalClient": entry.internal.host,
            "NewEnabled": "1",
            "NewPortMappingDescription": entry.description,
            "NewLeaseDuration": str(ceil(self._table.lifetime_left(entry) or 0)),
        }


def _key(arguments: Arguments) -> Key:
    if _text(arguments, "NewRemoteHost") != "":
        raise Fault(726)
    protocol = _text(arguments, "NewProtocol")
    if protocol not in ("UDP", "TCP"):
        raise Fault(402)
    return Key(protocol.lower(), _number(arguments, "NewExternalPort"))


def _text(arguments: Arguments, name: str) -> str:
    if name not in arguments:
        raise Fault(402)
    return arguments[name]


def _number(arguments: Arguments, name: str, largest: int = 65535) -> int:
    text = _text(arguments, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= largest):
        raise Fault(402)
    return int(text)
