"""One leg's media: what it offers after a hold, a move, and a second answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ringthru.media import PCMA, PCMU, MediaAddress, SessionDescription, make_answer, make_offer
from ringthru.media.engine.driver import MediaEngine
from ringthru.switch.audio.leg_media import LegMedia

PEER = MediaAddress("127.41.0.9", 30000, 30001)
BOTH = (PCMU, PCMA)


@pytest.fixture
async def media() -> AsyncIterator[LegMedia]:
    engine = MediaEngine(34000, 34100)
    yield LegMedia(
        engine,
        engine.reserve("127.41.0.1"),
        "127.41.0.1",
        session_id=7,
        name="leg",
        rtp_timeout=300.0,
        hold_timeout=1800.0,
        telephone_event=101,
    )
    await engine.close()


def answer(offer: bytes, direction: str = "sendrecv", version: int = 1) -> bytes:
    return make_answer(SessionDescription.parse(offer), PEER, BOTH, 1, version, direction).sdp


def version(body: bytes) -> int:
    return int(SessionDescription.parse(body).origin.version)


async def test_a_new_address_is_advertised_from_the_next_offer_on(media: LegMedia) -> None:
    first = media.offer(BOTH)
    assert not media.move_to("127.41.0.1")
    assert media.move_to("127.41.0.2")
    second = media.offer(BOTH)
    assert b"c=IN IP4 127.41.0.2" in second
    assert second.count(b"127.41.0.1") == 1  # in o=, which keeps all but its version (RFC 3264 §8)
    assert version(second) == version(first) + 1


async def test_an_offer_is_a_wish_and_a_dutiful_answer_is_none(media: LegMedia) -> None:
    media.accept(answer(media.offer(BOTH)))
    assert media.wish == "sendrecv"
    media.accept(answer(media.offer(BOTH, "sendonly"), "recvonly", 2))
    assert (media.wish, media.held) == ("sendrecv", False)
    media.answer(make_offer(PEER, BOTH, 1, 3, direction="sendonly"), BOTH)
    assert (media.wish, media.held) == ("sendonly", True)


async def test_an_answer_that_grants_less_than_was_offered_is_a_wish(media: LegMedia) -> None:
    media.accept(answer(media.offer(BOTH), "sendonly"))
    assert media.held


async def test_the_same_answer_again_changes_nothing(media: LegMedia) -> None:
    body = answer(media.offer(BOTH))
    media.accept(body)
    agreed = media.negotiated
    media.accept(body)
    assert media.negotiated is agreed


async def test_another_answer_to_the_same_offer_counts(media: LegMedia) -> None:
    """A fork: somebody else answers than rang first."""
    offer = media.offer(BOTH)
    media.accept(answer(offer))
    other = make_answer(SessionDescription.parse(offer), PEER, (PCMA,), 2, 1).sdp
    media.accept(other)
    assert media.codec == PCMA


async def test_what_is_granted_limits_the_answer(media: LegMedia) -> None:
    body = media.answer(make_offer(PEER, BOTH, 1, 1), BOTH, "sendonly")
    assert b"a=sendonly" in body


async def test_closing_twice_is_once(media: LegMedia) -> None:
    told: list[int] = []
    media._on_close = lambda: told.append(1)
    media.close()
    media.close()
    assert told == [1]
