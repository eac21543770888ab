"""What the dialplan can do with a call: each application in a call of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import wave
from pathlib import Path
from typing import Any

import pytest

from ringthru.media import RtpPacket, holds_tone, tone
from ringthru.media.rtp.telephone_event import TelephoneEvent
from ringthru.media.sound.g711 import encode
from ringthru.sip import CallCancelled, CallEnded

from .events import Ear
from .hearing import hears_tone, write_wav
from .home import DEFAULT, DIRECTORY, PASSWORD, Edit, Home, extension
from .phones import Phone, PhoneCall, frame_of, hear_each_other, hears_itself
from .waiting import eventually

START = tuple[Home, PhoneCall]


@pytest.fixture
def dialled(found: Any) -> Any:
    """Call a number of the default context, whose extension does this."""

    async def call(*actions: tuple[str, str], more: list[Edit] | None = None) -> START:
        home: Home = await found({DEFAULT: [extension("77", *actions), *(more or [])]})
        await home.switch.start()
        return home, home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)

    return call


def leg(home: Home) -> Any:
    (channel,) = home.switch.calls.channels.values()
    return channel


class TestAnswering:
    async def test_it_rings_is_early_is_answered(self, dialled: Any) -> None:
        _, call = await dialled(("ring_ready", ""), ("pre_answer", ""), ("answer", ""), ("park", ""))
        await call.answered()
        assert call.progress == [180, 183]

    async def test_applications_compare_without_case(self, dialled: Any) -> None:
        _, call = await dialled(("Answer", ""), ("ECHO", ""))
        await call.answered()
        await hears_itself(call)

    async def test_answered_twice_is_answered_once(self, dialled: Any) -> None:
        _, call = await dialled(("answer", ""), ("answer", ""), ("echo", ""))
        await call.answered()
        await hears_itself(call)

    @pytest.mark.parametrize(
        ("data", "status"), [("", 480), ("USER_BUSY", 486), ("17", 486), ("nonsense", 480), ("21", 603)]
    )
    async def test_hung_up_with_a_cause(self, dialled: Any, data: str, status: int) -> None:
        _, call = await dialled(("hangup", data))
        assert (await call.refused()).status == status

    @pytest.mark.parametrize(
        ("data", "status", "reason"),
        [("486", 486, "Busy Here"), ("403 Not for you", 403, "Not for you"), ("699", 699, None)],
    )
    async def test_refused_in_so_many_words(
        self, dialled: Any, data: str, status: int, reason: str | None
    ) -> None:
        _, call = await dialled(("respond", data))
        response = await call.refused()
        assert response.status == status
        assert reason is None or response.reason == reason

    async def test_a_status_that_ends_nothing_does_nothing(self, dialled: Any) -> None:
        _, call = await dialled(("respond", "200 OK"), ("respond", ""), ("echo", ""))
        assert (await call.answered()).status == 200

    async def test_sent_elsewhere_by_302(self, dialled: Any) -> None:
        _, call = await dialled(("redirect", "sip:a@192.0.2.1,b@192.0.2.2"))
        response = await call.refused()
        assert response.status == 302
        assert response.get_all("Contact") == ["<sip:a@192.0.2.1>", "<sip:b@192.0.2.2>"]

    async def test_hung_up_later(self, dialled: Any) -> None:
        _, call = await dialled(("sched_hangup", "+0 NORMAL_CLEARING"), ("park", ""))
        await call.refused()

    async def test_asleep_for_a_moment(self, dialled: Any) -> None:
        _, call = await dialled(("sleep", "1"), ("sleep", "never"), ("respond", "486"))
        assert (await call.refused()).status == 486

    async def test_who_hangs_up_meanwhile_is_gone(self, dialled: Any) -> None:
        home, call = await dialled(("answer", ""), ("sleep", "60000"), ("answer", ""))
        await call.answered()
        call.hang_up()
        await call.over()
        await home.quiet()


class TestGoingElsewhere:
    async def test_transferred(self, dialled: Any) -> None:
        _, call = await dialled(("transfer", "9196 XML default"), ("hangup", "USER_BUSY"))
        await call.answered()
        await hears_itself(call)

    async def test_transferred_to_a_list_of_applications(self, dialled: Any) -> None:
        _, call = await dialled(("transfer", "'set:a=1,respond:486' inline"))
        assert (await call.refused()).status == 486

    async def test_to_nowhere(self, dialled: Any) -> None:
        _, call = await dialled(("transfer", "4711"))
        assert (await call.refused()).status == 404

    async def test_in_circles(self, dialled: Any, caplog: pytest.LogCaptureFixture) -> None:
        _, call = await dialled(("transfer", "77"))
        assert (await call.refused()).status == 483
        assert "without end" in caplog.text

    async def test_another_extension_in_the_midst_of_this(self, dialled: Any) -> None:
        inner = extension("88", ("set", "found=88"))
        _, call = await dialled(
            ("execute_extension", "88 XML default"), ("respond", "4${found}"), more=[inner]
        )
        assert (await call.refused()).status == 488

    async def test_itself_in_the_midst_of_itself(self, dialled: Any) -> None:
        _, call = await dialled(("execute_extension", "77"))
        assert (await call.refused()).status == 483

    async def test_what_waits_can_be_called_away(self, dialled: Any) -> None:
        home, call = await dialled(("answer", ""), ("park", ""))
        await call.answered()
        home.switch.calls.transfers.transfer(leg(home), "9196", "default")
        await eventually(lambda: leg(home).application == "echo()")
        await hears_itself(call)

    async def test_a_round_and_another(self, dialled: Any) -> None:
        looped: Edit = lambda text: text.replace(  # noqa: E731
            'application="multiset"', 'loop="3" application="multiset"'
        )
        _, call = await dialled(
            ("set", "n=0"), ("multiset", "n=${expr(${n}+1)}"), ("respond", "48${n}"), more=[looped]
        )
        assert (await call.refused()).status == 483

    async def test_for_ever(self, dialled: Any) -> None:
        looped: Edit = lambda text: text.replace('application="eval"', 'loop="-1" application="eval"')  # noqa: E731
        home, call = await dialled(("answer", ""), ("eval", ""), ("respond", "486"), more=[looped])
        await call.answered()
        call.hang_up()
        await home.quiet()


class TestVariables:
    @pytest.mark.parametrize(
        ("actions", "status"),
        [
            ([("set", "a=6"), ("respond", "48${a}")], 486),
            ([("set", "a = 6"), ("respond", "48${a}")], 486),
            ([("set", "a=6"), ("set", "a="), ("respond", "48${a}6")], 486),
            ([("set", "a=6"), ("unset", "a"), ("respond", "48${a}6")], 486),
            ([("set", "a=6"), ("set", "a=_undef_"), ("respond", "48${a}6")], 486),
            ([("multiset", "a=8 b=6"), ("respond", "4${a}${b}")], 486),
            ([("multiset", "^^;a=8;b=6"), ("respond", "4${a}${b}")], 486),
            ([("multiset", "a=8 b=6"), ("multiunset", "a b"), ("respond", "48${a}${b}6")], 486),
            ([("export", "a=6"), ("respond", "48${a}")], 486),
            ([("eval", "${nothing}"), ("respond", "486")], 486),
            ([("set", "=6"), ("respond", "486")], 486),
            ([("respond", "4${destination_number:0:1}7")], 477),
            ([("respond", "${cond(${destination_number} == 77 ? 486 : 487)}")], 486),
            ([("respond", "${regex(${destination_number}|^(7)7$|48%1)}")], 487),
            ([("respond", "48${expr((1+2)*2)}")], 486),
            ([("hash", "insert/a/b/c"), ("respond", "486")], 486),
            ([("no_such_application", ""), ("respond", "486")], 502),
        ],
    )
    async def test_set_used_and_forgotten(self, dialled: Any, actions: Any, status: int) -> None:
        _, call = await dialled(*actions)
        assert (await call.refused()).status == status

    async def test_of_a_directory_user(self, dialled: Any) -> None:
        name = "${effective_caller_id_name:-4}"
        _, call = await dialled(
            ("set_user", "1002@${domain_name}"), ("respond", f"486 {name} ${{user_name}}")
        )
        assert (await call.refused()).reason == "1002 1002"

    async def test_of_nobody(self, dialled: Any, caplog: pytest.LogCaptureFixture) -> None:
        _, call = await dialled(("set_user", "4711"), ("respond", "486"))
        assert (await call.refused()).status == 486
        assert "Can't find user [4711]" in caplog.text

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("destination_number", "77"),
            ("caller_id_number", "1001"),
            ("context", "default"),
            ("direction", "inbound"),
            ("sip_from_user", "1001"),
            ("sip_req_user", "77"),
            ("sip_to_user", "77"),
            ("sip_profile_name", "internal"),
            ("sip_user_agent", "Test phone"),
            ("advertised_media_ip", "HERE"),
            ("local_media_ip", "HERE"),
            ("network_addr", "THERE"),
            ("sip_received_ip", "THERE"),
        ],
    )
    async def test_fields_of_the_call(self, dialled: Any, name: str, value: str) -> None:
        home, call = await dialled(("answer", ""), ("set", f"found=${{{name}}}"), ("park", ""))
        await call.answered()
        await eventually(lambda: leg(home).application == "park()")
        places = {"HERE": home.address, "THERE": call.phone.address.host}
        assert leg(home).variables["found"] == places.get(value, value)

    async def test_what_a_stranger_wrote_into_a_header_dials_nobody(self, found: Any) -> None:
        plan = extension("77", ("bridge", "{a=${sip_h_X-Wish}}user/1000"), ("respond", "486"))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        wanted, other = await home.registered_phone("1000"), await home.registered_phone("1002")
        header = ("X-Wish", "1}user/1002,[b=2")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD, headers=(header,))
        await wanted.rung()
        call.hang_up()
        await home.quiet()
        assert not other.calls

    async def test_told_to_the_log(self, dialled: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        _, call = await dialled(("set", "a=b"), ("info", ""), ("log", "WARNING so ${a}"), ("respond", "486"))
        await call.refused()
        assert "variable_a: [b]" in caplog.text
        assert ("WARNING", "so b") in [(r.levelname, r.getMessage()) for r in caplog.records]

    async def test_set_while_hunting(self, dialled: Any, caplog: pytest.LogCaptureFixture) -> None:
        """An inline action is seen by the conditions after it; what would wait cannot be one."""
        first = (
            '<extension name="first" continue="true"><condition field="destination_number" expression="^77$">'
            '<action application="set" data="way=up" inline="true"/>'
            '<action application="echo" inline="true"/>'
            "</condition></extension>"
            '<extension name="second"><condition field="${way}" expression="^up$">'
            '<action application="respond" data="486"/></condition></extension>'
        )
        before: Edit = lambda text: text.replace('<extension name="77">', first + '<extension name="77">')  # noqa: E731
        _, call = await dialled(("respond", "404"), more=[before])
        assert (await call.refused()).status == 486
        assert "echo cannot be run inline" in caplog.text

    async def test_who_is_not_in_a_list_is_refused(self, dialled: Any) -> None:
        _, call = await dialled(("check_acl", "${network_addr} 192.0.2.0/24 CALL_REJECTED"), ("echo", ""))
        assert (await call.refused()).status == 603

    async def test_and_who_is_passes(self, dialled: Any) -> None:
        _, call = await dialled(("check_acl", "${network_addr} 127.0.0.0/8"), ("respond", "486"))
        assert (await call.refused()).status == 486


class TestBridging:
    async def bridged(self, home: Home, call: PhoneCall, callee: Phone) -> PhoneCall:
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        return rung

    async def test_the_dialplan_goes_on_when_the_called_side_hangs_up(self, found: Any) -> None:
        plan = extension("77", ("bridge", "user/1000@${domain_name}"), ("echo", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await self.bridged(home, call, callee)
        rung.hang_up()
        await rung.over()
        await eventually(lambda: len(home.switch.calls.channels) == 1)
        await eventually(lambda: leg(home).application == "echo()")
        await hears_itself(call)
        assert leg(home).variables["bridge_hangup_cause"] == "NORMAL_CLEARING"

    @pytest.mark.parametrize(
        ("after", "application"),
        [("transfer_after_bridge=9196:XML:default", "echo()"), ("park_after_bridge=true", "bridge(")],
    )
    async def test_or_goes_elsewhere(self, found: Any, after: str, application: str) -> None:
        plan = extension("77", ("set", after), ("bridge", "user/1000@${domain_name}"), ("hangup", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await self.bridged(home, call, callee)
        rung.hang_up()
        await rung.over()
        await eventually(lambda: len(home.switch.calls.channels) == 1)
        await eventually(lambda: leg(home).application.startswith(application))
        call.hang_up()
        await home.quiet()

    async def test_or_hangs_up(self, found: Any) -> None:
        plan = extension("77", ("set", "hangup_after_bridge=true"), ("bridge", "user/1000"), ("echo", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        (await self.bridged(home, call, callee)).hang_up()
        assert isinstance(await call.over(), CallEnded)

    @pytest.mark.parametrize(
        ("goes_on", "status"),
        [
            ("true", 499),
            ("USER_BUSY,NO_ANSWER", 499),
            ("17", 499),
            ("NO_ANSWER", 486),
            ("false", 486),
            ("!NO_ANSWER", 499),
            ("!USER_BUSY", 486),
        ],
    )
    async def test_nobody_answered(self, dialled: Any, goes_on: str, status: int) -> None:
        _, call = await dialled(
            ("set", f"continue_on_fail={goes_on}"),
            ("bridge", "error/USER_BUSY"),
            ("respond", "${cond(${originate_disposition}/${DIALSTATUS} == USER_BUSY/BUSY ? 499 : 498)}"),
        )
        assert (await call.refused()).status == status

    async def test_nobody_answered_so_it_goes_elsewhere(self, dialled: Any) -> None:
        _, call = await dialled(("set", "transfer_on_fail=9196 XML default"), ("bridge", "error/17"))
        await call.answered()
        await hears_itself(call)

    async def test_each_leg_is_made_ready_before(self, found: Any) -> None:
        plan = extension(
            "77",
            ("set", "bridge_pre_execute_aleg_app=set"),
            ("set", "bridge_pre_execute_aleg_data=side=a"),
            ("set", "bridge_pre_execute_bleg_app=set"),
            ("set", "bridge_pre_execute_bleg_data=side=b"),
            ("bridge", "user/1000"),
        )
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await self.bridged(home, call, callee)
        sides = {c.direction.value: c.variables.get("side") for c in home.switch.calls.channels.values()}
        assert sides == {"inbound": "a", "outbound": "b"}

    async def test_the_caller_hears_a_tone_of_our_own_while_it_rings(self, found: Any) -> None:
        plan = extension("77", ("set", "ringback=%(2000,0,440)"), ("bridge", "user/1000"))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await callee.rung()
        rung.ring()
        assert (await call.ringing()).status == 183
        await hears_tone(call, 440)
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)

    async def test_a_ringback_that_cannot_be_played_is_a_plain_one(self, found: Any) -> None:
        plan = extension("77", ("set", "instant_ringback=true"), ("set", "ringback=shout://radio/moh"),
                         ("bridge", "user/1000"))  # fmt: skip
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        assert (await call.ringing()).status == 183
        await hears_tone(call, 440, at_least=0.3)
        call.hang_up()
        assert isinstance(await (await callee.rung()).over(), CallCancelled)
        await home.quiet()


class TestSounds:
    async def test_the_milliwatt_tone(self, found: Any) -> None:
        home: Home = await found()
        await home.switch.start()
        call = home.lan_phone("1001").invite("9197", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 1004)

    async def test_a_file_to_its_end(self, dialled: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.4, 700)
        _, call = await dialled(("answer", ""), ("playback", str(tmp_path / "a.wav")), ("hangup", ""))
        await call.answered()
        await call.over()
        frames = [payload for payload, _ in call.audio.heard]
        assert len(frames) >= 15
        assert holds_tone(frames, 700)

    async def test_a_phrase_and_a_number(self, dialled: Any, found: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.4, 700)
        plan = (
            ("answer", ""),
            ("phrase", f"tone,{tmp_path}/a"),
            ("say", "en number iterated 7"),
            ("hangup", ""),
        )
        macro = '<macro name="tone"><input pattern="(.*)"><match><action function="play-file" data="$1.wav"/>'
        language = f'<language name="en">{macro}</match></input></macro></language>'
        section = f'<section name="languages">{language}</section>'
        edits = {
            DEFAULT: extension("77", *plan),
            "freeswitch.xml": lambda text: text.replace("</document>", f"{section}</document>"),
        }
        home: Home = await found(edits)
        await home.switch.start()
        ear = Ear(home.switch, "PLAYBACK_START")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        said = [each.get("Playback-File-Path") for each in ear.heard]
        assert said == [f"{tmp_path}/a.wav", "digits/7.wav"]
        assert holds_tone([payload for payload, _ in call.audio.heard], 700)

    async def test_several_one_after_the_other_before_the_answer(self, dialled: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.1, 700)
        text = f"file_string://{tmp_path}/a.wav!silence_stream://20!tone_stream://%(60,0,900)"
        _, call = await dialled(("playback", text), ("respond", "486"))
        assert (await call.ringing()).status == 183
        assert (await call.refused()).status == 486

    @pytest.mark.parametrize(
        "data", ["/nowhere.wav", "shout://radio/moh", "../etc/passwd", "", "tone_stream://%(1)", "/dev/null"]
    )
    async def test_what_cannot_be_played_is_passed_by(self, dialled: Any, data: str, caplog: Any) -> None:
        _, call = await dialled(
            ("playback", data), ("respond", "${cond('${playback_status}' == 'FILE NOT FOUND' ? 486 : 487)}")
        )
        assert (await call.refused()).status == 486
        assert "playback: " in caplog.text

    async def test_a_pipe_is_not_waited_for(self, dialled: Any, tmp_path: Path, caplog: Any) -> None:
        os.mkfifo(tmp_path / "a.wav")
        _, call = await dialled(("playback", str(tmp_path / "a.wav")), ("respond", "486"))
        assert (await call.refused()).status == 486
        assert "is no file: reading it might never end" in caplog.text

    async def test_a_key_ends_it(self, dialled: Any) -> None:
        home, call = await dialled(
            ("answer", ""),
            ("set", "playback_terminators=#"),
            ("playback", "silence_stream://-1"),
            ("set", "key=${playback_terminator_used}"),
            ("park", ""),
        )
        await call.answered()
        press(call, "1")
        press(call, "#")
        await eventually(lambda: leg(home).application == "park()")
        assert leg(home).variables["key"] == "#"

    async def test_a_late_echo(self, dialled: Any) -> None:
        _, call = await dialled(("delay_echo", "100"))
        await call.answered()
        await call.reaches(call, frame_of(1))

    async def test_what_is_said_is_kept(self, dialled: Any, tmp_path: Path) -> None:
        file = tmp_path / "kept" / "a.wav"
        home, call = await dialled(("record", f"{file} 60"), ("set", "next=yes"), ("park", ""))
        await call.answered()
        for frame in tone(500, 1.0):
            call.say(
                frame,
            )
        press(call, "*")
        await eventually(lambda: leg(home).variables.get("next"))
        with wave.open(str(file)) as kept:
            assert (kept.getframerate(), kept.getsampwidth(), kept.getnchannels()) == (8000, 2, 1)
            octets = kept.readframes(kept.getnframes())
        samples = [int.from_bytes(octets[i : i + 2], "little", signed=True) for i in range(0, len(octets), 2)]
        assert len(samples) >= 4000
        assert holds_tone([encode(samples, "PCMU")], 500)
        assert int(leg(home).variables["record_ms"]) >= 500

    async def test_what_was_said_when_the_caller_hangs_up_is_kept_too(
        self, dialled: Any, tmp_path: Path
    ) -> None:
        home, call = await dialled(("record", str(tmp_path / "a.wav")))
        await call.answered()
        enough = lambda: leg(home).snapshot().packets_received >= 10  # noqa: E731
        await eventually(enough, again=lambda: [call.say(each) for each in tone(500, 0.2)])
        call.hang_up()
        await home.quiet()
        with wave.open(str(tmp_path / "a.wav")) as kept:
            assert kept.getnframes() >= 800

    async def test_a_strangers_path_climbs_nowhere(self, dialled: Any, tmp_path: Path, caplog: Any) -> None:
        _, call = await dialled(("record", f"{tmp_path}/../x.wav"), ("hangup", ""))
        await call.answered()
        await call.over()
        assert "no part of it may be '..'" in caplog.text

    async def test_keys_are_pressed(self, dialled: Any) -> None:
        home, call = await dialled(("answer", ""), ("send_dtmf", "1w#@100"), ("hangup", ""))
        await call.answered()
        await call.over()
        events = [TelephoneEvent.decode(p) for p, _ in call.audio.heard if len(p) == 4]
        assert [each.key for each in events if each.end] == ["1"] * 3 + ["#"] * 3


def press(call: PhoneCall, key: str) -> None:
    """One key, by RFC 4733."""
    assert call.agreed is not None
    assert call.agreed.telephone_event is not None
    stamp = 16000 + "0123456789*#".index(key) * 4000  # a later key has a higher one
    for number in range(4):
        event = TelephoneEvent("0123456789*#".index(key), number == 3, 10, 160 * (number + 1))
        packet = RtpPacket(
            call.agreed.telephone_event, 40000 + ord(key) * 10 + number, stamp, 7, event.encode()
        )
        call.audio._socket.send(packet.encode(), call.agreed.remote_rtp)


class TestTheDirectory:
    async def test_a_user_by_his_alias(self, found: Any) -> None:
        aliased: Edit = lambda text: text.replace('<user id="1000">', '<user id="1000" number-alias="42">')  # noqa: E731
        home: Home = await found({DIRECTORY: aliased})
        await home.switch.start()
        phone = await home.registered_phone("1000")
        asked = asyncio.ensure_future(home.switch.originate("user/42", "&park"))
        (await phone.rung()).answer()
        assert (await asked).startswith("+OK")


class TestWhatCallsLeaveForOneAnother:
    async def test_a_value_for_the_next_call(self, dialled: Any) -> None:
        later = extension("78", ("respond", "${hash(select/last/caller)}"))
        home, call = await dialled(("hash", "insert/last/caller/487"), ("hangup", "USER_BUSY"), more=[later])
        await call.refused()
        again = home.lan_phone("1001").invite("78", home.internal, password=PASSWORD)
        assert (await again.refused()).status == 487

    async def test_the_second_call_is_one_too_many(self, dialled: Any) -> None:
        exceeded = extension("limit_exceeded", ("respond", "486"))
        home, call = await dialled(
            ("limit", "hash realm id 1"), ("answer", ""), ("park", ""), more=[exceeded]
        )
        await call.answered()
        assert leg(home).variables["limit_usage"] == "1"
        second = home.lan_phone("1002").invite("77", home.internal, password=PASSWORD)
        assert (await second.refused()).status == 486
        call.hang_up()
        await home.quiet()
        third = home.lan_phone("1002").invite("77", home.internal, password=PASSWORD)
        await third.answered()

    async def test_who_calls_is_set_for_the_called_side(self, found: Any) -> None:
        actions = [
            ("multiunset", "effective_caller_id_name effective_caller_id_number"),
            ("set_profile_var", "caller_id_name=The office"),
            ("set_profile_var", "caller_id_number=100"),
            ("bridge", "user/1002"),
        ]
        home: Home = await found({DEFAULT: extension("77", *actions)})
        await home.switch.start()
        callee = await home.registered_phone("1002")
        home.lan_phone("1003").invite("77", home.internal, password=PASSWORD)
        sender = (await callee.rung()).call.request.from_
        assert (sender.display, sender.uri.user) == ("The office", "100")


class TestStages:
    """execute_on_ring, execute_on_media, execute_on_answer."""

    async def test_the_caller_s_own(self, dialled: Any) -> None:
        actions = [
            ("set", "execute_on_ring=set rang=yes"),
            ("set", "execute_on_media=set heard=yes"),
            ("set", "execute_on_answer=set answered=yes"),
            ("set", "execute_on_answer_2=set::answered_too=yes"),
            ("ring_ready", ""),
            ("pre_answer", ""),
            ("answer", ""),
            ("park", ""),
        ]
        home, call = await dialled(*actions)
        await call.answered()
        wanted = ("rang", "heard", "answered", "answered_too")
        await eventually(lambda: all(leg(home).variables.get(each) == "yes" for each in wanted))

    async def test_a_called_leg_is_hung_up_after_its_time(self, found: Any) -> None:
        data = "[execute_on_answer='sched_hangup +1 ALLOTTED_TIMEOUT']user/1002"
        home: Home = await found({DEFAULT: extension("77", ("bridge", data))})
        await home.switch.start()
        callee = await home.registered_phone("1002")
        call = home.lan_phone("1003").invite("77", home.internal, password=PASSWORD)
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        assert isinstance(await rung.over(), CallEnded)
        await call.over()
