"""RFC 4475, all 49: what a user agent answers to each, or what it hands up.

Where the RFC leaves a choice, and where we depart from it, the row says so.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.sip import IncomingCall, RequestReceived

from .network import ALICE, BOB, Network, Party, Script
from .test_torture import HOME, load

HANDED_UP, RINGS, SILENCE = "handed up", "a call", "nothing"
VERDICTS = {
    # §3.1.1 valid
    "wsinv": 481,  # it has a To tag, of a dialog that is not here
    "intmeth": 400,  # departure: a NUL in a header is refused, though a quoted pair may hold one
    "intmeth-without-NUL": 501,
    "esc01": RINGS,
    "escnull": HANDED_UP,
    "esc02": 501,  # escapes mean nothing in a method
    "lwsdisp": HANDED_UP,
    "longreq": RINGS,
    "dblreq": HANDED_UP,
    "semiuri": HANDED_UP,
    "transports": HANDED_UP,
    "mpart01": HANDED_UP,
    "unreason": SILENCE,  # responses to nothing of ours
    "noreason": SILENCE,
    # §3.1.2 malformed: 400 wherever a response can be addressed
    "badinv01": SILENCE,  # its Via cannot be read
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": SILENCE,  # a response
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "baddate": RINGS,  # RFC 4475 §3.1.2.12: to be refused only by who needs the Date, and nobody does here
    "regbadct": 400,
    "badaspec": 400,
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": SILENCE,
    # §3.2 transaction layer
    "badbranch": HANDED_UP,
    # §3.3 application layer
    "insuf": 400,  # with no Call-ID, From and To, for it had none
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": HANDED_UP,  # the registrar's business
    "bext01": 420,
    "invut": RINGS,  # 415 is the switch's word, which knows what bodies it speaks
    "regaut01": HANDED_UP,
    "multi01": 400,
    "mcl01": 400,
    "bcast": SILENCE,
    "zeromf": HANDED_UP,  # an OPTIONS for us
    "cparam01": HANDED_UP,
    "cparam02": HANDED_UP,
    "regescrt": HANDED_UP,
    "sdp01": RINGS,  # 406 likewise
    # §3.4
    "inv2543": RINGS,  # matched by what RFC 2543 had (RFC 3261 §17.2.3)
}
KINDS = ("valid", "malformed", "semantic")
FILES = {path.stem: path for kind in KINDS for path in sorted((HOME / kind).glob("*.sip"))}


def test_every_message_has_its_verdict():
    assert set(VERDICTS) == set(FILES)
    assert len(VERDICTS) == 50  # 49, and one read a second time without its NUL


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name: str):
    network = Network()
    script, bob = Script(network, ALICE), Party(network, BOB)
    script.receive = lambda data, source: script.got.append(data)
    everywhere(network, script)
    script.send(message(FILES[name]), BOB)
    answers = [int(each.split(b" ")[1]) for each in script.got if not each.startswith(b"SIP/2.0 100")]
    expected = VERDICTS[name]
    if expected == RINGS:
        assert isinstance(bob.last(IncomingCall), IncomingCall)
        assert answers == []
    elif expected == HANDED_UP:
        assert isinstance(bob.last(RequestReceived), RequestReceived)
        assert answers == []
    else:
        assert answers == ([] if expected == SILENCE else [expected])
        assert bob.seen == []


def test_what_420_says():
    network = Network()
    script, _ = Script(network, ALICE), Party(network, BOB)
    everywhere(network, script)
    script.send(message(FILES["bext01"]), BOB)
    assert script.got[-1].get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def message(path: Path) -> bytes:
    return load(path)


def everywhere(network: Network, script: Script) -> None:
    """Answers go where each message's Via says, at whatever port: the script hears them all."""
    network.parties = _Everywhere(script, network.parties)


class _Everywhere(dict):
    def __init__(self, script: Script, parties) -> None:
        super().__init__(parties)
        self._script = script

    def get(self, key, default=None):
        return super().get(key, self._script)
