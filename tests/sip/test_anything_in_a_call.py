"""Any sequence of requests within a call: nothing raises, and nothing stays behind."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from ringthru.sip import IncomingCall, LocalError, RequestReceived, SessionRefreshDue, SessionSettings

from .network import ALICE, ANSWER, BOB, OFFER, Network, Party, Script

METHODS = (
    "INVITE",
    "UPDATE",
    "INFO",
    "REFER",
    "NOTIFY",
    "MESSAGE",
    "OPTIONS",
    "BYE",
    "ACK",
    "CANCEL",
    "PRACK",
)
HEADERS = (
    ("Session-Expires", "90;refresher=uac"),
    ("Session-Expires", "4294967295"),
    ("Supported", "timer"),
    ("Require", "timer"),
    ("Min-SE", "99999999"),
    ("Refer-To", "<sip:x@y?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>"),
    ("Refer-Sub", "false"),
    ("Replaces", "a;to-tag=1;from-tag=2"),
    ("Reason", "Q.850;cause=16"),
    ("Allow", "UPDATE"),
    ("Contact", "<sip:elsewhere@127.40.0.9:9>"),
)
sent = st.tuples(
    st.sampled_from(METHODS),
    st.integers(0, 6),  # CSeq, old ones and repeated ones too
    st.sampled_from((b"", OFFER)),
    st.lists(st.sampled_from(HEADERS), max_size=3),
)
done = st.sampled_from(("offer", "update", "hang up", "ring", "answer", "wait", "long"))


class Callee:
    """Somebody who answers, and does what the story says in between."""

    def __init__(self, network: Network) -> None:
        self.network = network
        settings_ = SessionSettings(interval=200)
        self.party = Party(network, BOB, session=settings_)
        self.party.on_event = self.act

    def act(self, event) -> None:
        now = self.network.now
        if isinstance(event, IncomingCall):
            event.call.ring(now)
        elif isinstance(event, RequestReceived):
            if event.incoming.request.method == "REFER" and event.incoming.call:
                try:
                    event.incoming.call.accept_refer(event.incoming, now).notify(200, now)
                except LocalError:
                    self.party.agent.respond(event.incoming, 603, now)
            else:
                self.party.agent.respond(event.incoming, 200, now, body=ANSWER)
        elif isinstance(event, SessionRefreshDue):
            with contextlib.suppress(LocalError):  # it may have ended before its user hears of this
                event.call.reinvite(now, OFFER)

    def do(self, what: str) -> None:
        now = self.network.now
        call = next((e.call for e in self.party.seen if isinstance(e, IncomingCall)), None)
        try:
            if what == "wait" or call is None:
                self.network.run(1.0)
            elif what == "long":
                self.network.run(60.0)
            elif what == "offer":
                call.reinvite(now, OFFER)
            elif what == "update":
                call.update(now, OFFER)
            elif what == "hang up":
                call.hang_up(now)
            elif what == "ring":
                call.ring(now)
            else:
                call.answer(now, ANSWER)
        except LocalError:
            pass  # asked at the wrong moment, and told so
        self.network.run(0.0)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(sent, done), max_size=14))
def test_anything(story):
    network = Network()
    script, callee = Script(network, ALICE), Callee(network)
    script.send(script.request("INVITE", BOB), BOB)
    to = script.got[-1].get("To")
    for number, step in enumerate(story):
        if isinstance(step, str):
            callee.do(step)
            continue
        method, cseq, body, headers = step
        rows = {
            "To": to,
            "CSeq": f"{cseq} {method}",
            "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK{number}",
        }
        request = script.request(method, BOB, **rows)
        for row in headers:
            request.add(*row)
        request.body = body
        script.send(request, BOB)
    callee.do("hang up")
    network.run(500.0)
    agent = callee.party.agent
    assert agent.calls == ()
    assert agent._core.awaiting.from_source(ALICE.host) == []
    assert (agent._layer._servers, agent._layer._clients, len(agent._layer.timers)) == ({}, {}, 0)
