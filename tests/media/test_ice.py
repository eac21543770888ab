"""ICE's lite side: the answer to an offer of it, checks against each engine, and what a stranger gets."""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
from binascii import crc32
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from ringthru.media.description.dialog import OfferAnswer
from ringthru.media.description.ice_sdp import IceAnswers
from ringthru.media.description.offer_answer import PCMU, MediaAddress, Negotiated
from ringthru.media.description.sdes import SrtpKeys
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.engine.driver import MediaEngine
from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.media.leg.libsrtp import make_session
from ringthru.media.rtp.ice import CHECKS_AT_ONCE, Ice, IceResponder
from ringthru.media.rtp.latch import Confirmed, Latch, Latched
from ringthru.media.rtp.packet import RtpPacket
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.net.stun import decode_response

from .engine_phones import until
from .native import native_engine

HOST, ELSEWHERE = "127.31.0.1", "127.31.0.9"
ICE = Ice("ours", "p" * 32, "theirs")
SOURCE = Endpoint("192.0.2.7", 4000)


def check(
    ice: Ice = ICE, *, nominates: bool = False, priority: int = 1000, username: str = "", more: bytes = b""
) -> bytes:
    """A connectivity check as a controlling peer sends it (RFC 8445 §7.2.2)."""

    def attribute(kind: int, value: bytes) -> bytes:
        return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)

    def header(size: int) -> bytes:
        return b"\0\1" + size.to_bytes(2, "big") + b"\x21\x12\xa4\x42" + transaction

    transaction = os.urandom(12)
    body = attribute(6, (username or ice.username).encode()) + attribute(0x24, priority.to_bytes(4, "big"))
    body += attribute(0x802A, bytes(8)) + (attribute(0x25, b"") if nominates else b"") + more
    body += attribute(8, hmac.digest(ice.password.encode(), header(len(body) + 24) + body, "sha1"))
    seal = crc32(header(len(body) + 8) + body) ^ 0x5354554E
    return header(len(body) + 8) + body + attribute(0x8028, seal.to_bytes(4, "big"))


class TestResponder:
    def test_a_check_is_answered_with_where_it_came_from(self):
        reply = IceResponder(ICE).receive(check(), SOURCE, 0, rtcp=False)
        assert reply is not None
        assert (decode_response(reply.datagram).mapped, reply.nominated) == (SOURCE, False)

    def test_the_wrong_password_is_refused_shorter_than_asked(self):
        asked = check(Ice("ours", "q" * 32, "theirs"), nominates=True)
        reply = IceResponder(ICE).receive(asked, SOURCE, 0, rtcp=False)
        assert reply is not None
        assert (decode_response(reply.datagram).code, reply.nominated) == (401, False)
        assert len(reply.datagram) < len(asked)

    @pytest.mark.parametrize("name", ["ours", "ours:", "ours:other", "other:theirs"])
    def test_another_name_is_not_answered(self, name):
        assert IceResponder(ICE).receive(check(username=name), SOURCE, 0, rtcp=False) is None

    def test_what_must_be_understood_is_refused_where_it_is_not(self):
        reply = IceResponder(ICE).receive(check(more=b"\x7a\xbc\0\0"), SOURCE, 0, rtcp=False)
        assert reply is not None
        assert decode_response(reply.datagram).code == 420

    def test_a_flood_is_answered_so_many_times_and_not_for_ever(self):
        responder = IceResponder(ICE)
        answers = [responder.receive(check(), SOURCE, 9, rtcp=False) for _ in range(3 * CHECKS_AT_ONCE)]
        assert len(answers) - answers.count(None) == CHECKS_AT_ONCE
        assert responder.receive(check(), SOURCE, 10, rtcp=False) is not None

    def test_a_strangers_noise_takes_nothing_from_the_peer(self):
        responder = IceResponder(ICE)
        for _ in range(3 * CHECKS_AT_ONCE):
            assert responder.receive(check(username="ours:no"), SOURCE, 9, rtcp=False) is None
        assert responder.receive(check(), SOURCE, 9, rtcp=False) is not None

    def test_of_several_nominated_the_best_stays(self):
        responder = IceResponder(ICE)
        nominated = []
        for priority, rtcp in ((5, False), (9, False), (7, False), (9, False), (1, True)):
            asked = check(nominates=True, priority=priority)
            reply = responder.receive(asked, SOURCE, 0, rtcp=rtcp)
            nominated.append(reply is not None and reply.nominated)
        assert nominated == [True, True, False, True, True]


def test_a_nomination_ends_the_learning():
    latch = Latch("audio", SOURCE)
    assert latch.nominate(SOURCE) == Confirmed("audio", SOURCE)
    assert latch.nominate(SOURCE) is None
    other = Endpoint("198.51.100.1", 7)
    assert latch.nominate(other) == Latched("audio", SOURCE, other)
    assert latch.judge(SOURCE) == (False, None)


OFFER = """\
v=0
o=lin 1 1 IN IP4 192.0.2.7
s=-
c=IN IP4 192.0.2.7
t=0 0
a=ice-ufrag:{ufrag}
a=ice-pwd:0123456789012345678901
m=audio {port} RTP/AVP 0
{more}a=candidate:1 1 UDP 2130706303 192.0.2.7 7078 typ host
a=candidate:1 2 UDP 2130706302 192.0.2.7 7079 typ host
"""
HERE = MediaAddress("198.51.100.2", 30000, 30005)


def offer(ufrag: str = "abcd", port: int = 7078, more: str = "") -> SessionDescription:
    return SessionDescription.parse(OFFER.format(ufrag=ufrag, port=port, more=more).encode())


class TestAnswers:
    @pytest.fixture
    def ours(self) -> OfferAnswer:
        numbers = count(1)
        return OfferAnswer(7, ice=IceAnswers(lambda octets: str(next(numbers)) * 2 * octets))

    def test_the_answer_is_lite_and_names_one_candidate_of_each_component(self, ours):
        agreed = ours.answer(offer(), HERE, [PCMU])
        lines = agreed.sdp.decode().split("\r\n")
        assert lines.index("a=ice-lite") < lines.index("m=audio 30000 RTP/AVP 0")
        for line in (
            "a=ice-ufrag:11111111",
            "a=ice-pwd:" + "2" * 32,
            "a=candidate:1 1 UDP 2130706431 198.51.100.2 30000 typ host",
            "a=candidate:1 2 UDP 2130706430 198.51.100.2 30005 typ host",
        ):
            assert line in lines
        assert agreed.ice == Ice("11111111", "2" * 32, "abcd")

    def test_with_rtcp_on_the_rtp_port_there_is_one_component(self, ours):
        sdp = ours.answer(offer(more="a=rtcp-mux\n"), HERE, [PCMU]).sdp
        assert sdp.count(b"a=candidate:") == 1

    def test_a_restart_has_new_credentials_and_a_refresh_the_old_ones(self, ours):
        first, same, restarted = (ours.answer(offer(each), HERE, [PCMU]) for each in ("abcd", "abcd", "efgh"))
        assert first == same
        assert restarted.ice == Ice("33333333", "4" * 32, "efgh")
        assert restarted.sdp != first.sdp

    @pytest.mark.parametrize(
        "asked",
        [offer("abc"), offer(more="a=ice-lite\n"), offer(port=9000)],
        ids=["a short name", "lite itself", "rewritten on the way"],
    )
    def test_what_cannot_be_done_is_answered_without(self, ours, asked):
        agreed = ours.answer(asked, HERE, [PCMU])
        assert agreed.ice is None
        assert b"ice" not in agreed.sdp
        assert b"candidate" not in agreed.sdp

    def test_our_own_offers_hold_none(self, ours):
        ours.answer(offer(), HERE, [PCMU])
        assert b"ice" not in ours.offer(HERE, [PCMU])


@pytest.fixture(params=["in-process", "python", "c"])
async def engine(request: Any) -> AsyncIterator[Any]:
    kinds: dict[str, Callable[..., Any]] = {"in-process": MediaEngine, "python": TwinEngine}
    made = (kinds[request.param] if request.param in kinds else native_engine())(20000, 20399)
    await made.start()
    yield made
    await made.close()


class Peer:
    """A leg with ICE, and two sockets of a peer: where its SDP says, and where it really is."""

    def __init__(self, engine: Any, ice: Ice | None) -> None:
        self.said, self.real = bind_udp(Endpoint(ELSEWHERE, 0)), bind_udp(Endpoint(ELSEWHERE, 0))
        self.leg = engine.open(engine.reserve(HOST), name="leg")
        self.events: list[Any] = []
        self.leg.subscribe(self.events.append)
        self.connect(ice)

    def connect(self, ice: Ice | None, srtp: SrtpKeys | None = None) -> None:
        at = Endpoint(*self.said.getsockname())
        self.leg.connect(Negotiated(b"", PCMU, at, at, None, "sendrecv", 20, 0, None, ice=ice, srtp=srtp))

    async def receive(self, sock: socket.socket, first_octets: range) -> bytes:
        """The next datagram that begins so: a STUN message below 4, RTP from 128 on."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            while (data := await loop.sock_recv(sock, 2048))[0] not in first_octets:
                pass
        return data

    async def ask(self, sock: socket.socket, datagram: bytes, port: int = 0) -> bytes:
        sock.sendto(datagram, (HOST, self.leg.local.port + port))
        return await self.receive(sock, range(4))


@pytest.fixture
async def peer(engine: Any) -> AsyncIterator[Peer]:
    made = Peer(engine, ICE)
    yield made
    made.leg.close()
    made.said.close()
    made.real.close()


async def test_media_goes_where_the_peer_nominates(peer):
    real = Endpoint(*peer.real.getsockname())
    assert decode_response(await peer.ask(peer.real, check())).mapped == real
    assert decode_response(await peer.ask(peer.real, check(), port=1)).mapped == real
    assert not [each for each in peer.events if isinstance(each, Latched)]
    await peer.ask(peer.real, check(nominates=True))
    assert await peer.receive(peer.real, range(128, 192))  # the silence that opens the way
    assert peer.leg.report().remote == real
    assert Latched("audio", Endpoint(*peer.said.getsockname()), real) in peer.events


async def test_what_was_proven_stays_so_where_ice_goes_on(peer):
    real = Endpoint(*peer.real.getsockname())
    await peer.ask(peer.real, check(nominates=True))
    peer.connect(ICE)  # "ICE processing concluded": a new offer with the same credentials
    for sequence in range(30):
        peer.said.sendto(RtpPacket(0, sequence, 0, 9, bytes(160)).encode(), peer.leg.local)
    await until(lambda: peer.leg.report().dropped >= 30)
    assert peer.leg.report().remote == real


async def test_the_wrong_password_moves_nothing(peer):
    wrong = Ice(ICE.ufrag, "q" * 32, ICE.peer_ufrag)
    assert decode_response(await peer.ask(peer.real, check(wrong, nominates=True))).code == 401
    assert peer.leg.report().remote == Endpoint(*peer.said.getsockname())


async def test_after_a_restart_only_the_new_credentials_count(peer):
    new = Ice("newer", "n" * 32, "theirs2")
    peer.connect(new)
    peer.real.sendto(check(nominates=True), peer.leg.local)
    answer = await peer.ask(peer.real, asked := check(new))
    assert answer[8:20] == asked[8:20]  # and the first was not answered


async def test_checks_are_plain_where_media_is_protected(peer):
    """The peer proves its way as ever (RFC 8445), and hears nothing but SRTP on it."""
    suite = "AES_CM_128_HMAC_SHA1_80"
    keys = SrtpKeys(suite, bytes([1]) * 30, bytes([2]) * 30)
    peer.connect(ICE, keys)
    peer.leg.echo()
    assert decode_response(await peer.ask(peer.real, check(nominates=True))).code == 0
    out, back = make_session(suite, keys.theirs, False), make_session(suite, keys.ours, True)
    said = RtpPacket(0, 1, 160, 9, bytes([0x55]) * 160).encode()
    peer.real.sendto(said, peer.leg.local)  # without proof: no word of it comes back
    peer.real.sendto(out.protect(said, rtcp=False), peer.leg.local)
    payload = b""
    while payload != bytes([0x55]) * 160:
        data = back.unprotect(await peer.receive(peer.real, range(128, 192)), rtcp=False).data
        assert data is not None
        payload = RtpPacket.decode(data).payload
    report = peer.leg.report()
    assert (report.packets_received, report.forged) == (1, 1)


async def test_without_ice_a_check_is_not_answered(peer):
    peer.connect(None)
    before = peer.leg.report().dropped
    peer.real.sendto(check(nominates=True), peer.leg.local)
    await until(lambda: peer.leg.report().dropped > before)
    with pytest.raises(BlockingIOError):
        peer.real.recv(2048)
