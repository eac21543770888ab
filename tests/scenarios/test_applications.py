"""What the dialplan can do with a call: each application in a call of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from ringthru.sip import CallEnded

from .dialled import leg
from .home import DEFAULT, DIRECTORY, PASSWORD, Edit, Home, extension
from .phones import hears_itself
from .waiting import eventually


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
