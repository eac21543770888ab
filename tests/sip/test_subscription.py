"""Subscriptions that peers make: 200, NOTIFYs in a dialog of their own, and their end (RFC 6665 §4.2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringthru.sip import NotifyAnswered, RequestReceived, Subscription

from .network import ALICE, BOB, Network, Party, Script

KIND = "application/simple-message-summary"
EVENT = "message-summary"


class Subscribed:
    """A phone that subscribes, and a switch that says yes to all."""

    def __init__(self, packages: tuple[str, ...] = (EVENT,)) -> None:
        self.network = Network()
        self.bob = Party(self.network, BOB, packages=packages)
        self.bob.on_event = self._accept
        self.phone = Script(self.network, ALICE)
        self.subscription: Subscription | None = None
        self.number = 0

    def _accept(self, event: object) -> None:
        if isinstance(event, NotifyAnswered):
            return
        assert isinstance(event, RequestReceived)
        now, request = self.network.now, event.incoming.request
        subscription = self.bob.agent.subscribed(event.incoming, "bob")
        expires = 3600 if request.expires is None else request.expires
        if subscription.accept(event.incoming, expires, now):
            self.subscription = subscription
            subscription.notify(b"first", KIND, now)

    def subscribe(self, **headers: str) -> None:
        self.number += 1
        rows = {
            "Event": EVENT,
            "CSeq": f"{self.number} SUBSCRIBE",
            "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-s{self.number}",
            **headers,
        }
        self.phone.send(self.phone.request("SUBSCRIBE", BOB, **rows), BOB)
        self.network.run(1.0)

    def again(self, **headers: str) -> None:
        """SUBSCRIBE in the dialog."""
        self.subscribe(To=self.phone.got[0].get("To") or "", **headers)

    def answer(self, status: int) -> None:
        notify = self.phone.requests("NOTIFY")[-1]
        self.phone.send(self.phone.response(notify, status), BOB)
        self.network.run(0.1)

    @property
    def states(self) -> list[str | None]:
        """Of the NOTIFYs, each repetition once."""
        found = {each.cseq.number: each.get("Subscription-State") for each in self.phone.requests("NOTIFY")}
        return list(found.values())


def test_200_then_a_notify_in_the_same_dialog() -> None:
    made = Subscribed()
    made.subscribe(Expires="600")
    answer, notify = made.phone.got[:2]
    assert answer.status == 200
    assert answer.get("Expires") == "600"
    assert (answer.get("Contact") or "").startswith("<sip:bob@")
    assert notify.method == "NOTIFY"
    assert (notify.call_id, notify.to.tag) == ("script-call", "script")
    assert notify.from_.tag == answer.to.tag
    assert (notify.get("Event"), notify.get("Content-Type"), notify.body) == (EVENT, KIND, b"first")
    assert made.states == ["active;expires=600"]


def test_each_news_is_told_until_it_is_ended() -> None:
    made = Subscribed()
    made.subscribe(Expires="600")
    made.answer(200)
    assert made.subscription is not None
    made.subscription.notify(b"second", KIND, made.network.now)
    made.network.run(0.2)
    made.answer(200)
    assert made.phone.requests("NOTIFY")[-1].body == b"second"
    made.again(Expires="0")
    assert made.states[-1] == "terminated;reason=timeout"
    assert made.subscription.ended
    assert made.subscription.notify(b"third", KIND, made.network.now) is None


def test_a_notify_names_us_where_we_are_seen_now() -> None:
    """Our address may be another one since: a NOTIFY refreshes the target (RFC 6665 §4.4.1)."""
    made = Subscribed()
    made.subscribe(Expires="600")
    made.answer(200)
    elsewhere = BOB._replace(host="127.40.0.99")
    made.bob.agent._core.seen_by = lambda flow: elsewhere
    assert made.subscription is not None
    made.subscription.notify(b"second", KIND, made.network.now)
    made.network.run(0.2)
    assert elsewhere.host in (made.phone.requests("NOTIFY")[-1].get("Contact") or "")


def test_one_notify_waits_until_it_is_answered_or_never_will_be() -> None:
    made = Subscribed()
    made.subscribe(Expires="600")
    assert made.subscription is not None
    assert made.subscription.waits
    made.answer(200)
    assert not made.subscription.waits


def test_the_switch_may_end_it_and_says_why() -> None:
    made = Subscribed()
    made.subscribe(Expires="600")
    made.answer(200)
    assert made.subscription is not None
    made.subscription.notify(b"last", KIND, made.network.now, over="probation;retry-after=5")
    made.network.run(0.2)
    assert made.states[-1] == "terminated;reason=probation;retry-after=5"
    assert made.subscription.ended


def test_it_is_made_longer_and_not_twice() -> None:
    made = Subscribed()
    made.subscribe(Expires="600")
    first = made.subscription
    made.answer(200)
    made.again(Expires="1200")
    assert made.subscription is first
    assert made.states[-1] == "active;expires=1200"


def test_one_that_asks_once_is_told_once() -> None:
    """Expires: 0 asks for the state, and for no more (RFC 6665 §4.4.3)."""
    made = Subscribed()
    made.subscribe(Expires="0")
    assert made.states == ["terminated;reason=timeout"]
    assert made.phone.requests("NOTIFY")[0].body == b"first"
    assert not made.bob.agent._core.subscriptions


@pytest.mark.parametrize("status", [481, 489, 405])
def test_who_knows_it_no_more_is_told_no_more(status: int) -> None:
    made = Subscribed()
    made.subscribe()
    made.answer(status)
    assert made.subscription is not None
    assert made.subscription.ended
    assert not made.bob.agent._core.subscriptions


def test_who_is_gone_is_told_no_more() -> None:
    made = Subscribed()
    made.subscribe()
    made.network.run(40.0)  # RFC 3261 timer F
    assert made.subscription is not None
    assert made.subscription.ended


def test_a_dialog_that_is_not_there() -> None:
    made = Subscribed()
    made.subscribe(To=f"<sip:bob@{BOB}>;tag=nobody")
    assert made.phone.statuses == [481]


def test_somebody_else_cannot_end_it() -> None:
    made = Subscribed()
    made.subscribe()
    made.answer(200)
    made.again(Expires="0", From="<sip:mallory@127.40.0.1>;tag=mallory")
    assert made.phone.statuses[-1] == 481
    assert made.subscription is not None
    assert not made.subscription.ended


def test_an_old_one_that_comes_late() -> None:
    made = Subscribed()
    made.subscribe(CSeq="9 SUBSCRIBE")
    made.answer(200)
    made.again(Expires="0", CSeq="8 SUBSCRIBE")
    assert made.phone.statuses[-1] == 500
    assert made.subscription is not None
    assert not made.subscription.ended


@pytest.mark.parametrize("event", ["dialog", "presence", "", "message-summary-too"])
def test_other_packages_are_declined_and_ours_named(event: str) -> None:
    made = Subscribed()
    made.subscribe(Event=event)
    (answer,) = made.phone.got
    assert (answer.status, answer.get("Allow-Events")) == (489, EVENT)


def test_who_serves_none_names_none() -> None:
    made = Subscribed(packages=())
    made.subscribe()
    (answer,) = made.phone.got
    assert (answer.status, answer.get("Allow-Events")) == (489, None)


def test_cut_anywhere_it_harms_nobody() -> None:
    made = Subscribed()
    whole = made.phone.request("SUBSCRIBE", BOB, Event=EVENT, Expires="600").encode()
    for end in range(len(whole)):
        made.phone.send(whole[:end], BOB)
    made.subscribe(Call_ID="another")
    assert 200 in made.phone.statuses


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12),
)
def test_whatever_stands_in_its_headers(event: str, expires: str) -> None:
    made = Subscribed()
    made.subscribe(Event=event, Expires=expires)
    assert len(made.phone.statuses) <= 1
    made.subscribe(Call_ID="another")
    assert made.phone.statuses[-1] == 200
