"""The outside echo: one question about one mapping; and what several of them say of a mapping's filter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from draw_states import OutOfPlace, Row, explore, picture, state_table

from ringthru.portmap.echo import echo_proof
from ringthru.portmap.echo.echo_proof import EchoProof
from ringthru.portmap.mapping.filtering import FilterRecord
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.echo import COOKIE_SIZE, Kind, Message, Outcome

NOW = 1000.0
PORT = 5060
NAMES = {"asking": "HELLO is out", "proving": "PROVE is out", "waiting": "sent, not come in", "over": "over"}
VERDICTS = {True: "it holds", False: "it does not hold", None: "nobody can tell"}
REPORTS = {
    Outcome.SENT: "REPORT: sent (UDP)",
    Outcome.CONNECTED: "REPORT: let in (TCP)",
    Outcome.REFUSED: "REPORT: refused",
    Outcome.TIMEOUT: "REPORT: no answer (TCP)",
    Outcome.LIMITED: "REPORT: nothing was sent",
}


@cache
def proof_rows(watched: bool) -> list[Row]:
    """``watched``: what comes in at the internal port is looked at."""

    def living(proof: EchoProof) -> EchoProof:
        if proof.proof is not None:
            raise OutOfPlace
        return proof

    def told(kind: Kind, outcome: Outcome = Outcome.NONE) -> Callable[[EchoProof], object]:
        def give(proof: EchoProof) -> object:
            cookie = bytes(COOKIE_SIZE - 1) + b"c"
            message = Message(kind, Protocol.UDP, PORT, living(proof)._tokens[-1], cookie, outcome=outcome)
            return proof.receive_datagram(message.encode(), NOW)

        return give

    def waited(proof: EchoProof) -> object:
        when = living(proof).next_timeout()
        assert when is not None
        return proof.handle_timeout(when)

    def came_in(proof: EchoProof) -> object:
        if not watched:
            raise OutOfPlace
        probe = Message(Kind.PROBE, Protocol.UDP, PORT, living(proof)._tokens[-1])
        return proof.saw(probe.encode())

    inputs: dict[str, Callable[[Any], object]] = {
        "CHALLENGE": told(Kind.CHALLENGE),
        **{words: told(Kind.REPORT, outcome) for outcome, words in REPORTS.items()},
        "the probe comes in": came_in,
        "nobody listens there": lambda proof: living(proof).refused(),
        "its time has come": waited,
    }

    def said(proof: EchoProof) -> list[str]:
        verdict = [VERDICTS[proof.proof.holds]] if proof.proof is not None else []
        kinds = {Kind(data[4]).name for data in proof.datagrams_to_send()}
        return verdict + [f"send {name}" for name in sorted(kinds)]

    def detail(proof: EchoProof) -> object:
        return len(proof._waits), len(proof._tokens), proof._outcome

    start = EchoProof(Protocol.UDP, PORT, "the host", lambda size: bytes(size), watched=watched)
    start.start(NOW)
    start.datagrams_to_send()
    return explore(start, inputs, lambda proof: NAMES[proof._state.value], said, detail)


def patience() -> str:
    waits = (echo_proof.HELLO_WAITS, echo_proof.PROVE_WAITS)
    hello, prove = (", ".join(f"{each:g}" for each in seconds) for seconds in waits)
    return (
        f"HELLO waits {hello} s for an answer, PROVE {prove} s. A probe may take {echo_proof.ARRIVAL:g} s\n"
        f"after the report that it was sent; {echo_proof.ATTEMPTS} are tried over UDP, each with a token "
        "of its own."
    )


@cache
def filter_rows() -> list[Row]:
    """A mapping for 203.0.113.0/24 alone."""

    def held(record: FilterRecord) -> FilterRecord:
        if record.seen() is None:
            raise OutOfPlace
        return record

    def knock(remote: str, came: bool) -> Callable[[FilterRecord], object]:
        return lambda record: held(record).tried(remote, came, "a host outside", NOW)

    inputs: dict[str, Callable[[Any], object]] = {
        "granted": lambda record: record.granted(NOW, True),
        "one who may comes in": knock("203.0.113.7", True),
        "one who may does not come in": knock("203.0.113.7", False),
        "one who may not comes in": knock("198.51.100.7", True),
        "one who may not does not come in": knock("198.51.100.7", False),
        "not granted any more": lambda record: held(record).lost(),
    }

    def state(record: FilterRecord) -> str:
        seen = record.seen()
        return "not granted" if seen is None else seen.truth.value

    def detail(record: FilterRecord) -> object:
        knocks = (record._inside, record._stranger)
        return tuple(None if each is None else each.came for each in knocks)

    return explore(FilterRecord(("203.0.113.0/24",)), inputs, state, lambda record: (), detail)


PARTS: dict[str, Callable[[], str]] = {
    "filter picture": lambda: picture(filter_rows(), "not granted"),
    "filter states": lambda: state_table(filter_rows()),
    "echo picture": lambda: picture(proof_rows(True), NAMES["asking"]),
    "echo states": lambda: state_table(proof_rows(True)),
    "echo states unwatched": lambda: state_table(proof_rows(False)),
    "echo patience": patience,
}
