"""UPnP error codes, and the two ways in which an action fails.

Lives here: codes and their words. Never here: which action fails when.
"""

from __future__ import annotations

from typing import Final

FAULTS: Final = {
    401: "Invalid Action",
    402: "Invalid Args",
    501: "Action Failed",
    606: "Action not authorized",
    701: "PinholeSpaceExhausted",
    702: "FirewallDisabled",
    703: "InboundPinholeNotAllowed",
    704: "NoSuchEntry",
    705: "ProtocolNotSupported",
    706: "InternalPortWildcardingNotAllowed",
    708: "WildCardNotPermittedInSrcIP",
    709: "NoPacketSent",
    713: "SpecifiedArrayIndexInvalid",
    714: "NoSuchEntryInArray",
    716: "WildCardNotPermittedInExtPort",
    718: "ConflictInMappingEntry",
    725: "OnlyPermanentLeasesSupported",
    726: "RemoteHostOnlySupportsWildcard",
    727: "ExternalPortOnlySupportsWildcard",
    729: "ConflictWithOtherMechanisms",
    730: "PortMappingNotFound",
    733: "InconsistentParameters",
}


class Fault(Exception):
    """An action refused, with its UPnP error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {FAULTS[code]}")
        self.code = code


class EmptyFault(Exception):
    """An action refused with a bare HTTP 500."""
