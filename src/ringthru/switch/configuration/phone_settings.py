"""What portaudio.conf says: the console phone's devices, who it is, what rings.

Lives here: names, types, defaults. Never here: the phone, its devices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...net.values import frozen
from .parameters import read_parameters
from .tree import Element, Tree
from .values import read_boolean, whole

ECHO_NUMBERS: Final = r"^(sips?:)?(9195|9196|9995|9996|echo|delay_echo)(@|$)"
RING: Final = "tone_stream://v=-20;%(1000,0,400,450)"
# FreeSWITCH's that mean nothing here: all audio is of 8000 Hz, in frames of 20 ms
PASSED_OVER: Final = (
    "sample-rate",
    "codec-ms",
    "timer-name",
    "unload-on-device-fail",
    "hold-file",
    "dual-streams",
    "live-stream-switch",
)


@frozen
class PhoneSettings:
    """The console phone. Devices are ``#NUMBER``, part of a name, ``file:…``, ``tone:…``, ``null``."""

    indev: str = ""  # empty: the system's own, or null where there is none
    outdev: str = ""
    ringdev: str = ""  # empty: the output
    ring_file: str = RING  # what ``playback`` takes; empty: none
    ring_interval: int = 5  # seconds from one ring to the next
    dialplan: str = "XML"
    context: str = "default"
    cid_name: str = "FreeSWITCH"
    cid_num: str = "0000000000"
    no_ring_during_call: bool = False
    no_auto_resume_call: bool = False
    echo_numbers: str = (
        ECHO_NUMBERS  # ours: who is called there echoes, and is said a watermark; empty: nobody
    )
    endpoints: Mapping[str, tuple[str, str]] = {}  # name to input and output

    def calls_echo(self, destination: str) -> bool:
        return bool(self.echo_numbers) and re.search(self.echo_numbers, destination) is not None


def _text(text: str) -> str:
    return text.strip()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    return text


PARAMETERS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(
        ("indev", "outdev", "ringdev", "ring-file", "dialplan", "context", "cid-name", "cid-num"), _text
    ),
    **dict.fromkeys(("no-ring-during-call", "no-auto-resume-call"), read_boolean),
    "ring-interval": whole(1, 3600),
    "echo-numbers": _pattern,
}
OF_A_STREAM: Final = {
    **dict.fromkeys(("indev", "outdev", "sample-rate", "codec-ms", "channels"), _text),
}
OF_AN_ENDPOINT: Final = dict.fromkeys(("instream", "outstream"), _text)


def load_phone(tree: Tree) -> PhoneSettings:
    """The settings of portaudio.conf; the defaults where there is no such file.

    Raises:
        ConfigurationError: a value that cannot be meant.
    """
    element = tree.configuration("portaudio.conf")
    if element is None:
        return PhoneSettings()
    values = read_parameters(element.inside("settings", "param"), PARAMETERS, "portaudio.conf")
    for name in PASSED_OVER:
        values.pop(name.replace("-", "_"), None)
    return PhoneSettings(**values, endpoints=_endpoints(element))


def _endpoints(element: Element) -> dict[str, tuple[str, str]]:
    """The devices of each endpoint, through the streams that it names (``STREAM:CHANNEL``)."""
    streams = {
        each.get("name"): read_parameters(
            each.all("param"), OF_A_STREAM, f"portaudio.conf, stream {each.get('name')}"
        )
        for each in element.inside("streams", "stream")
    }
    found = {}
    for each in element.inside("endpoints", "endpoint"):
        where = f"portaudio.conf, endpoint {each.get('name')}"
        values = read_parameters(each.all("param"), OF_AN_ENDPOINT, where)
        inward, outward = (
            streams.get(values.get(way, "").partition(":")[0], {}).get(device, "null")
            for way, device in (("instream", "indev"), ("outstream", "outdev"))
        )
        found[each.get("name")] = (inward, outward)
    return found
