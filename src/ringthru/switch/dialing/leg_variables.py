"""What channel variables say about a leg that we dial: its caller, codecs and addresses.

Lives here: reading them. Never here: setting them (``setting``), headers (``identity``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ...net.address import parse_address
from ..calls.caller import Caller
from ..reachability import Seen
from ..variable_names import variable_name
from .identity import in_private

if TYPE_CHECKING:
    from ..calls.channel import Channel

LONGEST_RING: Final = 86400.0  # seconds; more is no time-out, and "nan" no number
STAGES = {  # of a leg, and the variables that name what to run then
    "ring": ("execute_on_ring",),
    "media": ("execute_on_media", "execute_on_pre_answer"),
    "answer": ("execute_on_answer",),
}
EXPORTS = "export_vars"  # names of variables that the other leg of a bridge gets


def shown_caller(variables: Mapping[str, str], parent: Channel | None, caller: Caller) -> Caller:
    """Who the called side sees: what the leg says, else the caller's directory entry, else the caller."""
    own: Mapping[str, str] = parent.variables if parent is not None else {}
    caller = parent.caller if parent is not None else caller
    name = variables.get("origination_caller_id_name") or own.get("effective_caller_id_name") or caller.name
    number = variables.get("origination_caller_id_number") or own.get("effective_caller_id_number")
    privacy = variables.get("origination_privacy") or own.get("origination_privacy") or ""
    return in_private(
        Caller(name if name.isprintable() else one_line(name), number or caller.number, caller.hidden),
        privacy,
    )


def exported(parent: Channel) -> dict[str, str]:
    """What ``export`` on a channel gives to the legs it dials."""
    names = parent.variables.get(EXPORTS, "").split(",")
    plain = [variable_name(name.removeprefix("nolocal:")) for name in names if name]
    return {name: parent.variables.get(f"nolocal:{name}") or parent.variables.get(name, "") for name in plain}


def hooks(variables: Mapping[str, str], stage: str) -> list[tuple[str, str]]:
    """The applications, and their data, to run when a leg has come so far: ``execute_on_answer`` and its
    kin (``execute_on_answer_2``), as ``APPLICATION DATA`` or ``APPLICATION::DATA``.
    """
    found = []
    for key, text in variables.items():
        if key.startswith("execute_on_") and any(_is_named(key, each) for each in STAGES[stage]):
            application, separator, data = text.strip().partition("::")
            if not separator:
                application, _, data = text.strip().partition(" ")
            if application:
                found.append((application, data.strip()))
    return found


def _is_named(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}_")


def one_line(text: str) -> str:
    """A text that can stand in a header: without line breaks, and without all else that is not to be seen."""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def advertised_host(variables: Mapping[str, str], seen: Seen, media: str) -> str:
    """What the SDP shows instead of ``media``: a far peer may be told ``rtp_adv_audio_ip``."""
    other = variables.get("rtp_adv_audio_ip", "").strip()
    return other if other and seen.far and parse_address(other) is not None else media


def seconds_of(
    variables: Mapping[str, str], names: Sequence[str], default: float, most: float = LONGEST_RING
) -> float:
    """The first of these variables that is a span of time; 0, like FreeSWITCH, stands for the default."""
    for name in names:
        if not (text := variables.get(name)):
            continue
        try:
            seconds = float(text)
        except ValueError:
            continue
        if 0 < seconds <= most:
            return seconds
    return default
