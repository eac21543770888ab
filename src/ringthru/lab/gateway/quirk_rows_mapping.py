"""The rows of mapping by UPnP: adding, listing and deleting, external address, IPv6 pinholes.

Lives here: texts and expectations.
Never here: what plays them (upnp_actions, mapping_table, firewall_actions).
"""

from __future__ import annotations

from typing import Final

from .quirk_row import IN_NAME_ONLY, NOT_FORWARDED, NOTHING, UNLISTED, Row

ADDING: Final = (
    Row("AD01", "725 for every lease but 0"),
    Row("AD02", "402 for every lease but 0", excludes=("AD01",)),
    Row("AD05", "718 for external ports divisible by four: something that is not listed holds them"),
    Row("AD06", "718 when the same client's mapping of that port exists already"),
    Row("AD07", "718 when the internal port is mapped already", excludes=("AD06",)),
    Row("AD08", "501 in place of 716 and 718; as AD05"),
    Row("AD10", "727 for every external port but 0: it maps all ports or none", NOTHING),
    Row("AD11", "any remote host but an empty one makes a rule that forwards nothing"),
    Row("AD12", "606 when the internal client is not the asking host"),
    Row("AD13", "606 for everybody: the permission is switched off", NOTHING),
    Row("AD14", "402 when the table is full, which is at ten entries"),
    Row("AD15", "32 entries; the next one succeeds and does nothing", excludes=("AD14", "AD16")),
    Row("AD16", "160 entries; the next one succeeds and does nothing", excludes=("AD14", "AD15")),
    Row("AD17", "success, but not in the list and not forwarded", IN_NAME_ONLY),
    Row("AD18", "in the list, but not forwarded", NOT_FORWARDED),
    Row("AD20", "a UDP mapping overwrites the TCP mapping of that port, and the other way round"),
    Row("AD21", "AddPortMapping works for TCP and fails (501) for UDP"),
    Row("AD22", "a description used a second time replaces the older mapping"),
    Row(
        "AD23", "501 for descriptions beyond 31 characters or with more than letters, digits, space, - and ."
    ),
    Row("AD25", "500 for a default namespace, a prefix other than s:, or white space between tags"),
    Row("AD27", "external port 0 is taken, and means all ports"),
    Row("AD28", "external ports below 1024 are refused"),
    Row(
        "AD29",
        "ports 5000 to 5999 belong to a static forward: the mapping is listed and shadowed",
        NOT_FORWARDED,
    ),
    Row("AD30", "729 for external ports divisible by four"),
    Row("AD32", "grants at most 600 seconds whatever is asked"),
    Row("AD33", "adding again does not extend the lease"),
    Row("AD34", "adding onto an existing entry fails (501); it must be deleted first", excludes=("AD06",)),
    Row("AD37", "malformed faults: a missing space, bytes that are no UTF-8"),
    Row("AD38", "three requests in ten fail, with 501 or 402 by chance"),
)
LISTING: Final = (
    Row("LI01", "the list's end is 402, 501, 713, 714 or 500, by turns"),
    Row("LI03", "PortMappingNumberOfEntries is always 0"),
    Row("LI04", "no GetSpecificPortMappingEntry (401)"),
    Row("LI06", "the list is always empty", UNLISTED),
    Row("LI07", "mappings vanish a minute after they are made"),
    Row("LI08", "UPnP dies two hours after the start: connections are refused"),
    Row("LI09", "all mappings are purged every 600 seconds when there are more than 20"),
    Row("LI10", "mappings are gone after a reboot or a new external address", excludes=("LI11",)),
    Row("LI11", "mappings survive reboots", excludes=("LI10",)),
    Row("LI13", "deleting takes six seconds"),
    Row("LI15", "everybody may delete everybody's mappings"),
    Row("LI17", "606 on listing, though adding is allowed", UNLISTED),
    Row("LI18", "GetListOfPortMappings with more than 128 entries in its range ends UPnP (miniupnpd 2.3.1)"),
)
ADDRESS: Final = (
    Row(
        "EX01",
        "the external address is an empty text, or missing, by turns",
        excludes=("EX02", "EX03", "EX04", "EX05"),
    ),
    Row("EX02", "the external address is 0.0.0.0", excludes=("EX01", "EX03", "EX04", "EX05")),
    Row("EX03", "the external address is private", excludes=("EX01", "EX02", "EX04", "EX05")),
    Row("EX04", "the external address is of a carrier's NAT", excludes=("EX01", "EX02", "EX03", "EX05")),
    Row(
        "EX05", "the external address is the gateway's inside one", excludes=("EX01", "EX02", "EX03", "EX04")
    ),
    Row("EX07", "status Disconnected though it works"),
    Row("EX08", "GetStatusInfo and GetConnectionTypeInfo fail (501)"),
    Row("EX11", "SUBSCRIBE answers 412"),
)
PINHOLES: Final = (
    Row("P601", "606 unless the request comes from the internal client's address"),
    Row("P602", "606 for temporary addresses (interface identifiers without a stable pattern)"),
    Row("P603", "DeletePinhole is refused (606) though AddPinhole worked"),
    Row("P605", "InboundPinholeAllowed is 0; AddPinhole answers 703", NOTHING),
    Row("P606", "606 until the device is allowed to open its ports", NOTHING),
    Row("P608", "pinholes are lost when the daemon starts anew"),
    Row("P609", "LOCATION over IPv6 is link-local, the control URL IPv4 only"),
    Row("P610", "a lease of 0 or beyond 86400 is refused (402)"),
    Row("P611", "402 in place of 704 for a pinhole that is not there (miniupnpd)"),
    Row("P612", "after a restart pinholes are lost, and UniqueIDs are counted from 1 again (miniupnpd)"),
)
