"""PCP's result codes: what each means to a person, and what may help (RFC 6887 §7.4).

Lives here: words and remedies. Never here: what was asked, or when it is asked again.
"""

from __future__ import annotations

from typing import Final

from ..wire.pcp import Response, ResultCode
from ..wire.pcp_options import Filter, Option, ThirdParty
from .orders import Declined, Remedy
from .words import NOT_ALLOWED

LONGEST_RETRY: Final = 3600  # seconds; no gateway can send us away for longer
DISABLED: Final = "the gateway has PCP, and has it disabled"
NO_PEER: Final = "the gateway's PCP has no request for the translation of a flow (PEER)"
OPTIONS_AMISS: Final = (ResultCode.MALFORMED_REQUEST, ResultCode.UNSUPP_OPTION, ResultCode.MALFORMED_OPTION)
REFUSALS: Final[dict[int, tuple[str, Remedy]]] = {
    ResultCode.UNSUPP_VERSION: ("the gateway does not speak PCP version 2", Remedy.ANOTHER_SERVICE),
    ResultCode.NOT_AUTHORIZED: (NOT_ALLOWED, Remedy.PERMISSION),
    ResultCode.MALFORMED_REQUEST: (
        "the gateway cannot make sense of our PCP request",
        Remedy.ANOTHER_SERVICE,
    ),
    ResultCode.UNSUPP_OPCODE: ("the gateway's PCP does not map ports", Remedy.ANOTHER_SERVICE),
    ResultCode.UNSUPP_OPTION: ("the gateway does not know a PCP option that we need", Remedy.LATER),
    ResultCode.MALFORMED_OPTION: (
        "the gateway cannot make sense of a PCP option that we need",
        Remedy.LATER,
    ),
    ResultCode.NETWORK_FAILURE: (
        "the gateway has no external address yet: its line to the Internet is down",
        Remedy.LATER,
    ),
    ResultCode.NO_RESOURCES: (
        "the gateway has no room left for mappings, or no public address to map on",
        Remedy.ROOM,
    ),
    ResultCode.UNSUPP_PROTOCOL: ("the gateway does not map this protocol by PCP", Remedy.ANOTHER_SERVICE),
    ResultCode.USER_EX_QUOTA: (
        "this machine holds as many mappings as the gateway allows it: fewer are needed",
        Remedy.ROOM,
    ),
    ResultCode.CANNOT_PROVIDE_EXTERNAL: (
        "the gateway cannot give this external port: another mapping, or the gateway itself, holds it",
        Remedy.ANOTHER_PORT,
    ),
    ResultCode.ADDRESS_MISMATCH: (
        "there is another NAT between this machine and the gateway: it saw our request come from another"
        " address than ours",
        Remedy.ANOTHER_SERVICE,
    ),
    ResultCode.EXCESSIVE_REMOTE_PEERS: (
        "the gateway does not take so many networks to let in: name fewer",
        Remedy.LATER,
    ),
}


def result_name(code: int) -> str:
    """A result code as it is counted: by its name; what the RFC does not have is one name."""
    known = code in ResultCode.__members__.values()
    return ResultCode(code).name if known else "of no meaning (RFC 6887 §7.4)"


def declined(
    response: Response, needed: tuple[Option, ...], deleting: bool = False, peering: bool = False
) -> Declined:
    """What a refusal comes to; ``needed`` are the options that could not be left out."""
    code = response.result
    retry_after = min(response.lifetime, LONGEST_RETRY)
    if code in OPTIONS_AMISS and needed:
        return Declined(_option_words(needed), Remedy.LATER, retry_after)
    if code == ResultCode.UNSUPP_OPCODE and peering:
        return Declined(NO_PEER, Remedy.NOTHING)
    if code == ResultCode.NOT_AUTHORIZED and deleting:
        words = "the gateway does not delete it: it was made by somebody else, or by hand (wrong PCP nonce)"
        return Declined(words, Remedy.PERMISSION, retry_after)
    if code == ResultCode.NOT_AUTHORIZED and any(isinstance(each, ThirdParty) for each in needed):
        words = "the gateway does not let this machine open ports for another one (PCP THIRD_PARTY)"
        return Declined(words, Remedy.PERMISSION, retry_after)
    words, remedy = REFUSALS.get(code, (f"the gateway refused with PCP result {code}", Remedy.LATER))
    return Declined(words, remedy, retry_after)


def _option_words(needed: tuple[Option, ...]) -> str:
    if any(isinstance(each, Filter) for each in needed):
        return (
            "the gateway cannot let in certain networks only (PCP FILTER);"
            " nothing was opened, as that would let in everybody"
        )
    return "the gateway does not open ports for another machine (PCP THIRD_PARTY)"
