"""What conference.conf says: profiles of conferences, and what a caller's keys do in them.

Lives here: names, types, defaults. Never here: a conference.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from ...net.values import frozen
from .parameters import read_parameters
from .tree import Element, Tree
from .values import whole

log = logging.getLogger(__name__)

MOST_MEMBERS: Final = 100  # of one conference, whatever it asks for
ACTIONS: Final = frozenset(("mute", "deaf", "deaf mute", "hangup", "lock"))
USUAL_KEYS: Final = {"0": "mute", "*": "deaf mute", "#": "hangup"}  # where nothing else is written
SOUNDS: Final = (
    *("enter-sound", "exit-sound", "moh-sound", "kicked-sound", "locked-sound"),
    *("muted-sound", "unmuted-sound", "max-members-sound", "pin-sound", "bad-pin-sound"),
)
# FreeSWITCH's that mean nothing here: the mix has the calls' own rate
PASSED_OVER: Final = ("domain", "rate", "interval", "channels")


def _text(text: str) -> str:
    return text.strip()


PARAMETERS: Final[Mapping[str, Any]] = {
    **dict.fromkeys((*SOUNDS, *PASSED_OVER), _text),
    "pin": _text,
    "caller-controls": _text,
    "max-members": whole(0, 100_000),
    "energy-level": whole(0, 32767),
}


@frozen
class ConferenceProfile:
    """How the conferences of one profile are. Sounds are what ``playback`` takes; empty: none."""

    name: str = "default"
    keys: Mapping[str, str] = USUAL_KEYS  # key to one of ACTIONS
    pin: str = ""
    max_members: int = MOST_MEMBERS
    energy_level: int = 100  # mean magnitude from which somebody speaks; of 32767
    sounds: Mapping[str, str] = {}  # by the parameter's name

    def sound(self, name: str) -> str:
        return self.sounds.get(name, "")


def load_conferences(tree: Tree) -> dict[str, ConferenceProfile]:
    """The profiles of conference.conf by name; none where there is no such file.

    Raises:
        ConfigurationError: a value that cannot be meant.
    """
    element = tree.configuration("conference.conf")
    if element is None:
        return {}
    groups = {each.get("name"): _keys(each) for each in element.inside("caller-controls", "group")}
    found = (_profile(each, groups) for each in element.inside("profiles", "profile"))
    return {profile.name: profile for profile in found}


def _keys(group: Element) -> dict[str, str]:
    keys = {}
    for control in group.all("control"):
        action, digits = control.get("action").strip(), control.get("digits").strip()
        if action in ACTIONS and len(digits) == 1:
            keys[digits] = action
        else:
            text = "%s: conference.conf: '%s' on key %s is not supported in this version: ignored"
            log.info(text, control.position, action, digits, extra={"ignored": action})
    return keys


def _profile(element: Element, groups: Mapping[str, Mapping[str, str]]) -> ConferenceProfile:
    where = f"conference.conf, profile {element.get('name')}"
    values = read_parameters(element.all("param"), PARAMETERS, where)
    controls = values.get("caller_controls", "default")
    most = values.get("max_members", 0) or MOST_MEMBERS
    return ConferenceProfile(
        name=element.get("name").strip(),
        keys={} if controls == "none" else groups.get(controls, USUAL_KEYS),
        pin=values.get("pin", ""),
        max_members=min(most, MOST_MEMBERS),
        energy_level=values.get("energy_level", ConferenceProfile.energy_level),
        sounds={name: values[field] for name in SOUNDS if values.get(field := name.replace("-", "_"))},
    )
