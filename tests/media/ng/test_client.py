"""One node's client: repeats under the same cookie, gives up, and takes each answer once."""

from __future__ import annotations

import pytest

from ringthru.media import LocalError
from ringthru.media.ng import client as ng
from ringthru.media.ng.client import Answered, NgClient, Unanswered
from ringthru.media.ng.messages import Message, encode_message, ping


@pytest.fixture
def client():
    return NgClient("r")


def pong(cookie: str) -> bytes:
    return encode_message(cookie, {"result": "pong"})


def test_three_attempts_under_one_cookie_then_it_is_given_up(client):
    cookie = client.send(ping(), 10.0)
    sent = [(10.0, each) for each in client.datagrams_to_send()]
    while (now := client.next_timeout()) is not None:
        client.handle_timeout(now)
        sent += [(now, each) for each in client.datagrams_to_send()]
    assert [at for at, _ in sent] == [10.0, 10.25, 10.5]
    assert len({datagram for _, datagram in sent}) == 1
    assert client.events() == [Unanswered(cookie)]


def test_an_answer_ends_it_and_its_duplicate_is_counted(client):
    cookie = client.send(ping(), 0.0)
    client.receive_datagram(pong(cookie), 0.1)
    client.receive_datagram(pong(cookie), 0.2)
    assert client.events() == [Answered(cookie, Message(cookie, {"result": b"pong"}), 0.1)]
    assert client.next_timeout() is None
    assert client.stray == 1


def test_nonsense_and_a_guessed_cookie_are_counted_and_harm_nothing(client):
    cookie = client.send(ping(), 0.0)
    for datagram in (b"", b"nonsense", pong("r_99"), pong(cookie)[:-1]):
        client.receive_datagram(datagram, 0.1)
    assert client.stray == 4
    assert client.events() == []
    client.receive_datagram(pong(cookie), 0.2)
    assert len(client.events()) == 1


def test_an_answer_after_the_end_is_stray(client):
    cookie = client.send(ping(), 0.0)
    for now in (0.25, 0.5, 0.75):
        client.handle_timeout(now)
    client.events()
    client.receive_datagram(pong(cookie), 0.8)
    assert (client.events(), client.stray) == ([], 1)


def test_what_waits_is_bounded(client, monkeypatch):
    monkeypatch.setattr(ng, "MAX_PENDING", 2)
    client.send(ping(), 0.0)
    client.send(ping(), 0.0)
    with pytest.raises(LocalError, match="2 commands wait"):
        client.send(ping(), 0.0)
    with pytest.raises(LocalError, match="does not fit"):
        NgClient("r").send({"blob": b"x" * 65536}, 0.0)
