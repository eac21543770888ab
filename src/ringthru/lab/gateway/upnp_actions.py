"""The actions of WANIPConnection:1 and :2 (and WANPPPConnection:1) on the fake gateway's table.

Lives here: each action's arguments, answer and faults (UPnP WANIPConnection:2 §2.5), and rows AD, LI, EX.
Never here: XML, HTTP, sockets; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from typing import Final

from ...net.address import Endpoint
from .mapping_table import Entry, Key, MappingTable, Reason, Refused
from .quirks import Quirks
from .upnp_arguments import YES, Answer, Arguments, key_of, number, protocol_of, remote_host, text
from .upnp_faults import EmptyFault, Fault
from .upnp_listing import PORT_LIST, port_listing

LONGEST_LEASE: Final = 604800  # seconds; IGD:2 knows nothing longer, and turns 0 into it
LONGEST_DESCRIPTION: Final = 31  # AD23
PLAIN: Final = re.compile(r"[A-Za-z0-9 .-]*")  # AD23: what a FRITZ!Box takes in a description
FLAKY: Final = 0.3  # AD38: how many requests in one fail
LIST_ENDS: Final = (402, 501, 713, 714, 500)  # LI01; 500 is a bare HTTP error

REASONS: Final = {
    Reason.CONFLICT: 718,
    Reason.NOT_AUTHORIZED: 606,
    Reason.ONLY_PERMANENT: 725,
    Reason.FULL: 501,
    Reason.FAILED: 501,
    Reason.EXISTS: 501,
    Reason.BAD_PORT: 501,
}
DEADLY_LIST: Final = 128  # entries; one more, and miniupnpd 2.3.1 is gone (LI18)


class WanConnection:
    """The service of one gateway. ``epoch`` and ``external_address`` as in the NAT-PMP server.

    ``inside`` is the gateway's own inside address; ``random`` gives 0 to 1 for what happens by chance.
    """

    def __init__(
        self,
        table: MappingTable,
        epoch: Callable[[], int],
        external_address: Callable[[], str],
        inside: str,
        random: Callable[[], float],
    ) -> None:
        self._table = table
        self._epoch = epoch
        self._external_address = external_address
        self._inside = inside
        self._random = random
        self.crashed = False  # by a list that was too long (LI18)
        self._ends = 0  # how often the list's end was asked for
        self._asked = 0  # how often the external address was
        self._actions: dict[str, Callable[[Arguments, str], Answer]] = {
            "GetExternalIPAddress": self._get_external_address,
            "GetStatusInfo": self._get_status,
            "GetConnectionTypeInfo": self._get_type,
            "AddPortMapping": self._add,
            "DeletePortMapping": self._delete,
            "GetSpecificPortMappingEntry": self._get_specific,
            "GetGenericPortMappingEntry": self._get_generic,
        }
        self._newer: dict[str, Callable[[Arguments, str], Answer]] = {
            "AddAnyPortMapping": self._add_any,
            "DeletePortMappingRange": self._delete_range,
            "GetListOfPortMappings": self._get_list,
        }

    @property
    def actions(self) -> tuple[str, ...]:
        return (*self._actions, *(self._newer if self._version >= 2 else ()))

    @property
    def external_address(self) -> str:
        """What GetExternalIPAddress tells."""
        rows = self._quirks.rows
        told = next((address for row, address in ADDRESSES.items() if row in rows), None)
        if "EX05" in rows:
            told = self._inside
        return self._external_address() if told is None else told

    @property
    def status(self) -> str:
        """What GetStatusInfo tells."""
        return "Connected" if self.external_address and not self._quirks.has("EX07") else "Disconnected"

    @property
    def entry_count(self) -> int:
        """PortMappingNumberOfEntries, as told."""
        return 0 if self._quirks.has("LI03") else len(self._listed())

    @property
    def _quirks(self) -> Quirks:
        return self._table.quirks

    @property
    def _version(self) -> int:
        return version_of(self._quirks)

    def invoke(self, action: str, arguments: Arguments, client: str) -> Answer:
        """Do it; ``client`` is the asking host's address.

        Raises:
            Fault: with the code a real gateway would give.
            EmptyFault: where it gives none.
        """
        if action in self._newer and self._version >= 2:
            if self._quirks.has("DE13"):
                raise Fault(401)
            return self._newer[action](arguments, client)
        if action not in self._actions:
            raise Fault(401)
        return self._actions[action](arguments, client)

    def _get_external_address(self, _arguments: Arguments, _client: str) -> Answer:
        self._asked += 1
        if self._quirks.has("EX01") and self._asked % 2 == 0:
            return {}
        return {"NewExternalIPAddress": self.external_address}

    def _get_status(self, _arguments: Arguments, _client: str) -> Answer:
        if self._quirks.has("EX08"):
            raise Fault(501)
        return {
            "NewConnectionStatus": self.status,
            "NewLastConnectionError": "ERROR_NONE",
            "NewUptime": "a while" if self._quirks.has("DE17") else str(self._epoch()),
        }

    def _get_type(self, _arguments: Arguments, _client: str) -> Answer:
        if self._quirks.has("EX08"):
            raise Fault(501)
        return {"NewConnectionType": "IP_Routed", "NewPossibleConnectionTypes": "IP_Routed"}

    def _add(self, arguments: Arguments, client: str) -> Answer:
        self._grant(arguments, client, self._table.add)
        return {}

    def _add_any(self, arguments: Arguments, client: str) -> Answer:
        entry = self._grant(arguments, client, self._table.add_near)
        return {"NewReservedPort": str(entry.key.external_port)}

    def _grant(self, arguments: Arguments, client: str, add: Callable[..., Entry]) -> Entry:
        rows = self._quirks.rows
        if "AD38" in rows and self._random() < FLAKY:
            raise Fault(501 if self._random() < 0.5 else 402)
        remote = remote_host(arguments, free="AD11" in rows)
        key = key_of(arguments)
        internal = Endpoint(text(arguments, "NewInternalClient"), number(arguments, "NewInternalPort"))
        lifetime = self._lifetime(arguments)
        description = text(arguments, "NewPortMappingDescription")
        self._check(key, arguments, description)
        if internal.port == 0 or text(arguments, "NewEnabled") not in YES:
            raise Fault(402)
        if (self._quirks.secure or "AD12" in rows) and internal.host != client:
            raise Fault(606)
        try:
            return add(key, internal, lifetime, description=description, made_by="upnp", forward=not remote)
        except Refused as refused:
            raise Fault(self._code(refused.reason)) from refused

    def _check(self, key: Key, arguments: Arguments, description: str) -> None:
        """What this gateway has against the arguments, beside their form."""
        rows = self._quirks.rows
        if "AD10" in rows and key.external_port != 0:
            raise Fault(727)
        if key.external_port == 0 and rows.isdisjoint(("AD10", "AD27")):
            raise Fault(501 if "AD08" in rows else 716)
        if "AD21" in rows and key.protocol == "udp":
            raise Fault(501)
        if "AD02" in rows and text(arguments, "NewLeaseDuration") != "0":
            raise Fault(402)
        if "AD23" in rows and not (len(description) <= LONGEST_DESCRIPTION and PLAIN.fullmatch(description)):
            raise Fault(501)

    def _lifetime(self, arguments: Arguments) -> int | None:
        newer = self._version >= 2
        lease = number(arguments, "NewLeaseDuration", LONGEST_LEASE if newer else 2**32 - 1)
        permanent = self._quirks.permanent_only or not self._quirks.rows.isdisjoint(("AD01", "AD02"))
        if lease == 0 and permanent:
            return None
        return lease or (LONGEST_LEASE if newer else None)

    def _code(self, reason: Reason) -> int:
        rows = self._quirks.rows
        if reason is Reason.CONFLICT and "AD08" in rows:
            return 501
        if reason is Reason.CONFLICT and "AD30" in rows:
            return 729
        if reason is Reason.FULL and "AD14" in rows:
            return 402
        return REASONS[reason]

    def _delete(self, arguments: Arguments, client: str) -> Answer:
        remote_host(arguments, free="AD11" in self._quirks.rows)
        key = key_of(arguments)
        entry = self._table.get(key)
        if entry is None:
            raise Fault(714)
        self._check_owner(entry, client)
        self._table.delete(key)
        return {}

    def _check_owner(self, entry: Entry, client: str) -> None:
        guarded = (self._quirks.secure or self._quirks.has("AD12")) and not self._quirks.has("LI15")
        if guarded and entry.internal.host != client:
            raise Fault(606)

    def _delete_range(self, arguments: Arguments, client: str) -> Answer:
        """The client's mappings in a range of ports; of everybody with NewManage (§2.5.23)."""
        found = self._in_range(arguments)
        if arguments.get("NewManage") not in YES:
            found = [entry for entry in found if entry.internal.host == client]
        if not found:
            raise Fault(730)
        for entry in found:
            self._check_owner(entry, client)
            self._table.delete(entry.key)
        return {}

    def _get_list(self, arguments: Arguments, client: str) -> Answer:
        """What a client may see of a range of ports, at most NewNumberOfPorts (0: all; §2.5.22)."""
        self._check_listing()
        most = number(arguments, "NewNumberOfPorts")
        found = self._in_range(arguments)
        self.crashed = self._quirks.has("LI18") and len(found) > DEADLY_LIST
        if arguments.get("NewManage") not in YES:
            found = [entry for entry in found if entry.internal.host == client]
        if not found or self._quirks.has("LI06"):
            raise Fault(730)
        shown = found[:most] if most else found
        return {PORT_LIST: port_listing([(self._where(e), self._held(e)) for e in shown])}

    def _in_range(self, arguments: Arguments) -> list[Entry]:
        first, last = number(arguments, "NewStartPort"), number(arguments, "NewEndPort")
        protocol = protocol_of(arguments)
        if first > last:
            raise Fault(733)
        return [e for e in self._table if e.key.protocol == protocol and first <= e.key.external_port <= last]

    def _get_specific(self, arguments: Arguments, _client: str) -> Answer:
        if self._quirks.has("LI04"):
            raise Fault(401)
        self._check_listing()
        remote_host(arguments, free="AD11" in self._quirks.rows)
        entry = self._table.get(key_of(arguments))
        if entry is None or self._quirks.has("LI06"):
            raise Fault(714)
        return self._held(entry)

    def _get_generic(self, arguments: Arguments, _client: str) -> Answer:
        self._check_listing()
        entries = self._listed()
        index = number(arguments, "NewPortMappingIndex")
        if index >= len(entries):
            raise self._end_of_list()
        return self._where(entries[index]) | self._held(entries[index])

    def _check_listing(self) -> None:
        if self._quirks.has("LI17"):
            raise Fault(606)

    def _listed(self) -> list[Entry]:
        return [] if self._quirks.has("LI06") else list(self._table)

    def _end_of_list(self) -> Exception:
        if not self._quirks.has("LI01"):
            return Fault(713)
        code = LIST_ENDS[self._ends % len(LIST_ENDS)]
        self._ends += 1
        return EmptyFault() if code == 500 else Fault(code)

    def _where(self, entry: Entry) -> Answer:
        return {
            "NewRemoteHost": "",
            "NewExternalPort": str(entry.key.external_port),
            "NewProtocol": entry.key.protocol.upper(),
        }

    def _held(self, entry: Entry) -> Answer:
        """What all listing actions tell of an entry; lease 0 is a permanent one."""
        return {
            "NewInternalPort": str(entry.internal.port),
            "NewInternalClient": entry.internal.host,
            "NewEnabled": "1",
            "NewPortMappingDescription": entry.description,
            "NewLeaseDuration": str(ceil(self._table.lifetime_left(entry) or 0)),
        }


ADDRESSES: Final = {"EX01": "", "EX02": "0.0.0.0", "EX03": "192.168.7.2", "EX04": "100.64.7.7"}


def version_of(quirks: Quirks) -> int:
    """Of device and services: some rows only a newer gateway can play."""
    if not quirks.rows.isdisjoint(("DE11", "DE13", "SD10", "HT15")):
        return 2
    return quirks.igd_version
