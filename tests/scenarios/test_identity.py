"""Who calls, in From and beside it; Reason both ways; and what of a caller's headers goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringthru.net.values import replace
from ringthru.sip import CallCancelled, CallEnded, Request

from .bridged import connected
from .home import INTERNAL_XML, PUBLIC, RING_1000, Edit, Home, extension, setting
from .phones import PhoneCall


async def received(home: Home, *headers: tuple[str, str], user: str = "4711") -> Request:
    """The INVITE that 1000's phone gets when a stranger calls with these headers."""
    callee, caller = await home.registered_phone(), home.far_phone(user)
    caller.invite("1000", home.reached_at("external"), headers=headers)
    return (await callee.rung()).call.request


async def started(found: Callable[..., Any], **edits: Edit | list[Edit]) -> Home:
    files = {"internal": INTERNAL_XML, "external": "sip_profiles/external.xml", "public": PUBLIC}
    home: Home = await found({PUBLIC: RING_1000} | {files[name]: edit for name, edit in edits.items()})
    await home.switch.start()
    await home.mapped()
    return home


class TestWhatTheCalledSideIsTold:
    async def test_remote_party_id_as_freeswitch_does(self, home: Home) -> None:
        invite = await received(home)
        value = invite.get("Remote-Party-ID") or ""
        assert '"4711" <sip:4711@' in value
        assert value.endswith(";party=calling;screen=yes;privacy=off")
        assert home.public_prefix not in value

    async def test_p_asserted_identity(self, found: Callable[..., Any]) -> None:
        home = await started(found, internal=setting("caller-id-type", "pid"))
        invite = await received(home)
        assert "sip:4711@" in (invite.get("P-Asserted-Identity") or "")
        assert invite.get("Remote-Party-ID") is None

    async def test_none(self, found: Callable[..., Any]) -> None:
        home = await started(found, internal=setting("caller-id-type", "none"))
        invite = await received(home)
        assert invite.get("Remote-Party-ID") is invite.get("P-Asserted-Identity") is None

    async def test_a_leg_may_choose(self, found: Callable[..., Any]) -> None:
        data = "{sip_cid_type=pid}user/1000@${domain_name}"
        home = await started(found, public=extension("1000", ("bridge", data)))
        assert (await received(home)).get("P-Asserted-Identity") is not None


class TestWhatIsBelieved:
    ASSERTED = ("P-Asserted-Identity", '"The Queen" <sip:1@palace.example>')

    async def test_a_stranger_asserts_nothing(self, home: Home) -> None:
        """RFC 3325 §5: from outside the trust domain it is removed."""
        invite = await received(home, self.ASSERTED)
        assert (invite.from_.uri.user, invite.from_.display) == ("4711", "4711")
        assert "palace" not in invite.encode().decode()

    @pytest.mark.parametrize(
        "header",
        [ASSERTED, ("Remote-Party-ID", '"The Queen" <sip:1@palace.example>;party=calling')],
    )
    async def test_a_provider_on_a_list_does(
        self, found: Callable[..., Any], header: tuple[str, str]
    ) -> None:
        home: Home = await found({PUBLIC: RING_1000})
        home.switch._profile_settings[:] = [
            _with(each, apply_inbound_acl=("127.0.0.0/8",)) for each in home.switch._profile_settings
        ]
        await home.switch.start()
        await home.mapped()
        invite = await received(home, header)
        assert (invite.from_.uri.user, invite.from_.display) == ("1", "The Queen")

    @pytest.mark.parametrize("value", ["", "<", '"', "<sip:a@b", "nonsense nonsense"])
    async def test_nonsense_is_overlooked(self, home: Home, value: str) -> None:
        invite = await received(home, ("P-Asserted-Identity", value), ("Privacy", value))
        assert invite.from_.uri.user == "4711"


def _with(settings: Any, **changes: Any) -> Any:
    return replace(settings, **changes)


class TestPrivacy:
    @pytest.mark.parametrize("value", ["id", "header;id", "full", "user"])
    async def test_a_caller_who_wants_it_is_not_named(self, home: Home, value: str) -> None:
        invite = await received(home, ("Privacy", value))
        assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
        told = [value for name, value in invite.headers if name not in ("Via", "Call-ID")]  # random there
        assert not any(":4711@" in value or '"4711"' in value for value in told)

    async def test_none_is_no_wish(self, home: Home) -> None:
        assert (await received(home, ("Privacy", "none"))).from_.uri.user == "4711"

    @pytest.mark.parametrize(
        ("value", "user", "display"),
        [
            ("hide_number", "anonymous", "Anonymous"),
            ("hide_name:hide_number", "anonymous", "Anonymous"),
            ("full", "anonymous", "Anonymous"),
            ("hide_name", "4711", ""),
            ("off", "4711", "4711"),
        ],
    )
    async def test_by_variable(self, found: Callable[..., Any], value: str, user: str, display: str) -> None:
        actions = (("set", f"origination_privacy={value}"), ("bridge", "user/1000@${domain_name}"))
        home = await started(found, public=extension("1000", *actions))
        sender = (await received(home)).from_
        assert (sender.uri.user, sender.display) == (user, display)


class TestHeadersThatGoOn:
    async def test_x_headers_do(self, home: Home) -> None:
        invite = await received(home, ("X-Ticket", "42"), ("X-Empty", ""))
        assert invite.get("X-Ticket") == "42"

    async def test_others_do_not(self, home: Home) -> None:
        invite = await received(home, ("Diversion", "<sip:1@x>"), ("Alert-Info", "<http://x>"))
        assert invite.get("Diversion") is invite.get("Alert-Info") is None

    async def test_a_dialplan_adds_its_own(self, found: Callable[..., Any]) -> None:
        data = "[sip_h_Alert-Info=Bellcore-dr2]user/1000@${domain_name}"
        home = await started(found, public=extension("1000", ("bridge", data)))
        assert (await received(home)).get("Alert-Info") == "Bellcore-dr2"

    async def test_but_nothing_that_would_break_the_message(self, found: Callable[..., Any]) -> None:
        data = "[sip_h_Via=x,sip_h_Contact=y,sip_h_A B=z]user/1000@${domain_name}"
        home = await started(found, public=extension("1000", ("bridge", data)))
        invite = await received(home)
        assert len(invite.vias) == 1
        assert str(invite.contact) != "y"

    async def test_a_hundred_are_too_many(self, home: Home) -> None:
        invite = await received(home, *((f"X-{number}", "1") for number in range(60)))
        assert len([1 for name, _ in invite.headers if name.startswith("X-")]) == 20


class TestReason:
    @pytest.mark.parametrize(
        ("said", "passed"),
        [
            ("Q.850;cause=17", 'Q.850;cause=17;text="USER_BUSY"'),
            ("SIP;cause=480", 'Q.850;cause=18;text="NO_USER_RESPONSE"'),
            ("Q.850;cause=16", 'Q.850;cause=16;text="NORMAL_CLEARING"'),
            ("nonsense", 'Q.850;cause=16;text="NORMAL_CLEARING"'),
        ],
    )
    async def test_of_a_bye_goes_to_the_other_leg(self, home: Home, said: str, passed: str) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        rung.phone.act(lambda now: rung.call.hang_up(now, headers=[("Reason", said)]))
        end = await call.over()
        assert isinstance(end, CallEnded)
        assert end.request is not None
        assert end.request.get("Reason") == passed

    async def test_of_a_refusal_too(self, home: Home) -> None:
        call, rung = await self.ringing(home)
        rung.phone.act(lambda now: rung.call.reject(now, 503, headers=[("Reason", "Q.850;cause=21")]))
        response = await call.refused()
        assert response.status == 603
        assert "CALL_REJECTED" in (response.get("Reason") or "")

    async def test_of_a_cancel_that_says_completed_elsewhere(self, home: Home) -> None:
        call, rung = await self.ringing(home)
        elsewhere = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
        call.phone.act(lambda now: call.call.hang_up(now, headers=[elsewhere]))
        end = await rung.over()
        assert isinstance(end, CallCancelled)
        assert end.request is not None
        assert end.request.get("Reason") == elsewhere[1]

    async def test_a_phone_that_lost_the_race_shows_no_missed_call(self, found: Callable[..., Any]) -> None:
        data = "user/1000@${domain_name},user/1001@${domain_name}"
        home = await started(found, public=extension("2000", ("bridge", data)))
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        home.far_phone().invite("2000", home.reached_at("external"))
        first, second = await one.rung(), await other.rung()
        first.ring()
        second.ring()
        first.answer()
        end = await second.over()
        assert isinstance(end, CallCancelled)
        assert end.request is not None
        assert "Call completed elsewhere" in (end.request.get("Reason") or "")

    @staticmethod
    async def ringing(home: Home) -> tuple[PhoneCall, PhoneCall]:
        callee = await home.registered_phone()
        call = home.far_phone().invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.ring()
        await call.ringing()
        return call, rung
