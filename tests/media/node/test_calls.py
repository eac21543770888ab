"""A node's calls over ng, without a network: what each command answers, and what is refused."""

import pytest

from ringthru.media.description.offer_answer import PCMA, PCMU, MediaAddress, make_offer
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.errors import EngineFull, LocalError, NoFreePorts
from ringthru.media.events import Said, Timeout
from ringthru.media.ng.messages import Dialogue, Message, encode_message
from ringthru.media.node.calls import LOOK_EVERY, UNANSWERED_FOR, Calls
from ringthru.media.node.commands import Commands
from ringthru.media.node.serving import MOST_REMEMBERED, REMEMBERED_FOR, NgServer
from ringthru.media.node.sides import Interface
from ringthru.media.rtp.report import LegReport
from ringthru.net.acl import make_list
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

CONTROLLER = Endpoint("127.0.0.1", 5000)
TALK = Dialogue("call", "a", "b")
NOTHING = LegReport(0, 0, 0, 0, 0, 0, None, 0.0, None, 0, None, None)
SDP = make_offer(MediaAddress("192.0.2.1", 4000, 4001), [PCMU, PCMA], 1, 1)
HOME = (Interface("in", "10.0.0.1", "10.0.0.1"), Interface("out", "10.0.0.2", "203.0.113.2"))


class FakePorts:
    def __init__(self, host, port):
        self.host, self.rtp_port, self.rtcp_port = host, port, port + 1


class FakeLeg:
    def __init__(self, ports):
        self.ports, self.agreed, self.partner, self.closed = ports, None, None, False
        self.blocked, self.said, self.listeners, self.heard, self.keys = [], [], [], 0, []

    def subscribe(self, callback):
        self.listeners.append(callback)

    def tell(self, event):
        for each in self.listeners:
            each(event)

    def connect(self, negotiated, **more):
        self.agreed = negotiated

    def bridge(self, other):
        self.partner = other

    def block(self, *, media=None, keys=None):
        self.blocked.append((media, keys))

    def play(self, sound):
        self.said.append(sound)

    def hush(self):
        self.said.clear()

    def press(self, key, milliseconds):
        self.keys.append(key)
        return True

    def report(self):
        return replace(NOTHING, packets_received=self.heard)

    def close(self):
        self.closed = True


class FakeEngine:
    def __init__(self, room=100):
        self.room, self.legs, self.reserved = room, [], 0
        self.error = NoFreePorts("all are in use")

    def reserve(self, host):
        self.reserved += 1
        return FakePorts(host, 30000 + 2 * self.reserved)

    def release(self, ports):
        self.reserved -= 1

    def open(self, ports, *, name, rtp_timeout):
        if len(self.legs) >= self.room:
            raise self.error
        self.legs.append(FakeLeg(ports))
        return self.legs[-1]


class NoOutside:
    def read_file(self, path):
        raise LocalError("no files here")

    def record(self, call, on):
        raise LocalError("no recordings here")


class Node:
    def __init__(self, engine=None, most=10):
        self.engine = engine or FakeEngine()
        self.keys, self.serial, self.now = [], 0, 0.0
        self.calls = Calls(
            self.engine,
            HOME,
            secret=lambda octets: "x" * 2 * octets,
            most=most,
            timeout=60.0,
            on_key=lambda call, side, key: self.keys.append((side.tag, key)),
        )
        commands = Commands(self.calls, NoOutside(), lambda: 1000.0 + self.now)
        self.server = NgServer(make_list("ng", False, allow=("127.0.0.0/8",)), commands.run)

    def ask(self, command):
        self.serial += 1
        datagram = encode_message(f"c{self.serial}", command)
        answer = self.server.receive_datagram(datagram, CONTROLLER, self.now)
        assert answer is not None
        return Message.decode(answer)

    def up(self):
        assert self.ask(offer()).succeeded
        assert self.ask(TALK.answer(SDP)).succeeded
        return self.engine.legs

    def later(self, seconds):
        self.now += seconds
        while (when := self.calls.next_timeout()) is not None and when <= self.now:
            self.calls.handle_timeout(self.now)


def offer(call="call", **more):
    return {"command": "offer", "call-id": call, "from-tag": "a", "sdp": SDP, **more}


def place(answer):
    description = SessionDescription.parse(answer.octets("sdp"))
    return description.media[0].host, description.media[0].port


class TestOfferAndAnswer:
    def test_each_side_is_told_of_the_leg_that_faces_it(self):
        node = Node()
        offered, answered = node.ask(offer()), node.ask(TALK.answer(SDP))
        first, second = node.engine.legs
        assert place(offered) == ("10.0.0.1", second.ports.rtp_port)
        assert place(answered) == ("10.0.0.1", first.ports.rtp_port)
        assert first.partner is second

    def test_interfaces_by_name_and_what_peers_are_told_of_them(self):
        node = Node()
        assert place(node.ask(offer(direction=["in", "out"])))[0] == "203.0.113.2"
        assert [leg.ports.host for leg in node.engine.legs] == ["10.0.0.1", "10.0.0.2"]

    def test_the_answers_first_codec_goes_in_each_sides_own_number(self):
        node = Node()
        opus = (
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP"
        )
        node.ask({**offer(), "sdp": opus + b" 0 97\r\na=rtpmap:97 ILBC/8000\r\n"})
        node.ask(TALK.answer(opus + b" 98\r\na=rtpmap:98 iLBC/8000\r\n"))
        a, b = [leg.agreed for leg in node.engine.legs]
        assert (a.codec.name, a.codec.payload_type, a.heard_type) == ("ILBC", 97, 98)
        assert (b.codec.payload_type, b.heard_type) == (98, 97)

    def test_the_address_of_the_message_where_the_controller_wants_it(self):
        node = Node()
        node.ask(offer(flags=["SIP source address"], **{"received-from": ["IP4", "198.51.100.7"]}))
        node.ask(TALK.answer(SDP))
        assert [leg.agreed.remote_rtp.host for leg in node.engine.legs] == ["198.51.100.7", "192.0.2.1"]

    @pytest.mark.parametrize("proto", [b"RTP/SAVP", b"UDP/TLS/RTP/SAVPF"])
    def test_what_cannot_be_carried_is_refused(self, proto):
        node = Node()
        answer = node.ask({**offer(), "sdp": SDP.replace(b"RTP/AVP", proto)})
        assert "RTP/AVP" in answer.reason
        assert not node.engine.legs

    def test_an_answer_to_nothing(self):
        assert Node().ask(TALK.answer(SDP)).reason == "Unknown call-id"

    def test_a_fork_takes_the_place_of_the_one_before(self):
        node = Node()
        node.up()
        other = SDP.replace(b"192.0.2.1", b"192.0.2.77")
        assert node.ask(Dialogue("call", "a", "c").answer(other)).succeeded
        assert node.engine.legs[1].agreed.remote_rtp.host == "192.0.2.77"
        assert len(node.engine.legs) == 2

    def test_a_new_offer_of_either_side_keeps_the_ports(self):
        node = Node()
        first, second = node.up()
        assert place(node.ask(TALK.swapped().offer(SDP)))[1] == first.ports.rtp_port
        assert place(node.ask(TALK.offer(SDP)))[1] == second.ports.rtp_port


class TestMux:
    MUX = make_offer(MediaAddress("192.0.2.1", 4000, 4001), [PCMU], 1, 1, mux=True)

    @pytest.mark.parametrize(
        ("wish", "answer", "to_callee", "to_caller"),
        [
            ([], "mux", True, True),  # passed on, both ways
            ([], "plain", True, False),
            (["demux"], "plain", False, True),
            (["accept"], "plain", True, True),
            (["reject"], "mux", True, False),
        ],
    )
    def test_each_wish(self, wish, answer, to_callee, to_caller):
        node = Node()
        offered = node.ask({**offer(), "sdp": self.MUX, "rtcp-mux": wish})
        answered = node.ask(TALK.answer(self.MUX if answer == "mux" else SDP))
        told = [
            SessionDescription.parse(each.octets("sdp")).media[0].attribute("rtcp-mux") is not None
            for each in (offered, answered)
        ]
        assert told == [to_callee, to_caller]
        assert node.engine.legs[0].agreed.mux is to_caller
        assert node.engine.legs[1].agreed.mux is (to_callee and answer == "mux")

    def test_it_can_be_offered_to_who_was_not_asked(self):
        answer = Node().ask(offer(**{"rtcp-mux": ["offer"]}))
        assert SessionDescription.parse(answer.octets("sdp")).media[0].attribute("rtcp-mux") is not None


class TestEnds:
    def test_delete_frees_both_legs_and_tells_the_counters(self):
        node = Node()
        legs = node.up()
        legs[0].heard = 7
        answer = node.ask(TALK.delete())
        assert answer.body["totals"]["RTP"]["packets"] == 7
        assert all(leg.closed for leg in legs)
        assert len(node.calls) == 0

    def test_a_delete_may_wait(self):
        node = Node()
        legs = node.up()
        node.ask({"command": "delete", "call-id": "call", "from-tag": "a", "delete-delay": 10})
        node.later(9)
        assert not legs[0].closed
        node.later(6)
        assert legs[0].closed

    def test_silence_on_both_sides_ends_it_and_on_one_side_not(self):
        node = Node()
        legs = node.up()
        legs[0].tell(Timeout(60.0))
        node.later(LOOK_EVERY)
        assert not legs[0].closed
        legs[1].tell(Timeout(60.0))
        legs[0].heard = 1  # it speaks again
        node.later(LOOK_EVERY)
        assert not legs[0].closed
        legs[0].tell(Timeout(60.0))
        node.later(LOOK_EVERY)
        assert legs[0].closed
        assert node.calls.timed_out == 1

    def test_an_offer_that_nobody_answers(self):
        node = Node()
        node.ask(offer())
        node.later(UNANSWERED_FOR - LOOK_EVERY)
        assert len(node.calls) == 1
        node.later(2 * LOOK_EVERY)
        assert len(node.calls) == 0


class TestRoom:
    def test_more_calls_than_allowed_in_rtpengines_words(self):
        node = Node(most=1)
        node.up()
        answer = node.ask(offer("another"))
        assert answer.reason == "Parallel session limit reached"
        assert answer.full

    def test_an_engine_that_is_full_leaves_nothing_open(self):
        engine = FakeEngine(room=1)
        engine.error = EngineFull("it has 1 leg and takes no more")
        node = Node(engine)
        assert node.ask(offer()).full
        assert engine.legs[0].closed
        assert len(node.calls) == 0


class TestOtherCommands:
    def test_while_a_sound_is_played_the_other_is_not_heard(self):
        from tests.interop.ng_story import sound

        node = Node()
        first, second = node.up()
        assert node.ask(TALK.play_media(sound())).body["duration"] == 1000
        assert first.said
        assert second.blocked[-1] == (True, None)
        first.tell(Said())
        assert second.blocked[-1] == (False, None)

    def test_a_key_is_pressed_for_the_from_side(self):
        node = Node()
        first, second = node.up()
        assert node.ask(TALK.play_dtmf("5", 100)).succeeded
        assert (first.keys, second.keys) == ([], ["5"])
        assert not node.ask(TALK.play_dtmf("55", 100)).succeeded

    def test_without_a_tag_both_are_blocked(self):
        node = Node()
        first, second = node.up()
        node.ask({"command": "block DTMF", "call-id": "call"})
        assert (first.blocked[-1], second.blocked[-1]) == ((False, True), (False, True))

    @pytest.mark.parametrize(
        "command",
        [
            {},
            {"command": "offer"},
            {"command": "offer", "call-id": "x" * 300, "from-tag": "a"},
            {"command": "play media", "call-id": "call"},
            {"command": "play media", "call-id": "call", "blob": b"RIFF"},
            {"command": "start recording", "call-id": "call"},
            {"command": "block DTMF", "call-id": "call", "from-tag": "stranger"},
            {"command": ["offer"], "sdp": 7},
        ],
    )
    def test_nonsense_is_answered_and_not_raised(self, command):
        node = Node()
        node.up()
        assert not node.ask(command).succeeded


class TestServing:
    def test_a_repeated_request_is_answered_and_done_once(self):
        node = Node()
        datagram = encode_message("same", offer())
        first = node.server.receive_datagram(datagram, CONTROLLER, 0.0)
        assert node.server.receive_datagram(datagram, CONTROLLER, 1.0) == first
        assert node.calls.managed == 1
        assert node.server.receive_datagram(datagram, CONTROLLER, 2 * REMEMBERED_FOR) != b""
        assert node.server.repeated == 1

    def test_a_stranger_hears_nothing(self):
        node = Node()
        datagram = encode_message("c", {"command": "ping"})
        assert node.server.receive_datagram(datagram, Endpoint("192.0.2.1", 5000), 0.0) is None
        assert node.server.strangers == 1

    @pytest.mark.parametrize("datagram", [b"", b"c", b"c d", b"c le", b"\xff d4:pinge"])
    def test_what_is_no_request(self, datagram):
        node = Node()
        assert node.server.receive_datagram(datagram, CONTROLLER, 0.0) is None
        assert node.server.malformed == 1

    def test_what_is_remembered_is_bounded(self):
        node = Node()
        for index in range(MOST_REMEMBERED + 10):
            node.server.receive_datagram(encode_message(f"c{index}", {"command": "ping"}), CONTROLLER, 0.0)
        assert len(node.server._answers) == MOST_REMEMBERED
