"""Registered with a provider: it is a second switch, and both stand behind gateways of their own."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ringthru.console.sofia_questions import sofia_gateway_data
from ringthru.doctor import examine
from ringthru.lab.gateway.quirks import Quirks
from ringthru.net.address import Endpoint
from ringthru.switch.calls.causes import HangupCause
from ringthru.switch.snapshots import TrunkSnapshot

from .home import EXTERNAL_XML, PASSWORD, PUBLIC, RING_1000, VARS, Edit, Home, extension, variables
from .phones import hear_each_other, hears_itself_once_learnt
from .street import Street
from .waiting import eventually
from .wire import HandWritten

DID = extension("home", ("bridge", "user/1000@${domain_name}"))


def provider(registrar: Callable[[], Endpoint], **more: str) -> Edit:
    """A ``<gateway>`` in the profile external, account 1001 of whoever listens there."""

    def edit(text: str) -> str:
        values = {
            "username": "1001",
            "password": PASSWORD,
            "proxy": str(registrar()),
            "extension": "home",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        rows = "".join(f'<param name="{name}" value="{value}"/>' for name, value in values.items())
        rows += '<variables><variable name="tariff" value="night" direction="outbound"/></variables>'
        return text.replace("<gateways>", f'<gateways><gateway name="provider">{rows}</gateway>')

    return edit


class Pair:
    """A customer's home and a provider's, on one street."""

    def __init__(self, here: Home, there: Home) -> None:
        self.here = here
        self.there = there

    @property
    def trunk(self) -> TrunkSnapshot:
        (row,) = self.here.switch.snapshot().trunks
        return row

    async def registered(self) -> None:
        await eventually(lambda: self.trunk.state == "REGED", "the trunk is not registered")

    def binding(self) -> str:
        """What the provider has of us."""
        rows = self.there.switch.snapshot().registrations
        return rows[0].contact if rows else ""


@pytest.fixture
async def join(found: Any, places: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Build the two; the customer's switch is not started yet."""

    async def make(edits: Mapping[str, Edit] | None = None, **settings: str) -> Pair:
        street = Street(monkeypatch)
        first = places()
        there: Home = await found({PUBLIC: RING_1000}, place=first, external=1)
        street.gateways.append(there.gateway)  # type: ignore[arg-type]
        await there.switch.start()
        await there.mapped()
        trunk = provider(lambda: there.reached_at("internal"), **settings)
        edits = {**(edits or {PUBLIC: DID}), EXTERNAL_XML: trunk}
        here: Home = await found(edits, place=places(first.number), external=2)
        street.gateways.append(here.gateway)  # type: ignore[arg-type]
        return Pair(here, there)

    return make


@pytest.fixture
async def pair(join: Any) -> Pair:
    made: Pair = await join()
    await made.here.switch.start()
    await made.here.mapped()
    await made.registered()
    return made


@pytest.fixture
async def shipped(join: Any) -> Pair:
    """The customer's tree is the one that we ship, with a gateway and its name as default_gateway."""
    made: Pair = await join(extension="1000", edits={VARS: variables(default_gateway="provider")})
    await made.here.switch.start()
    await made.here.mapped()
    await made.registered()
    return made


class TestRegistering:
    async def test_with_the_address_that_the_provider_can_reach(self, pair: Pair) -> None:
        outside = pair.here.reached_at("external")
        await eventually(lambda: str(outside) in pair.binding())
        assert f"gw+provider@{outside}" in pair.trunk.contact
        assert pair.here.private_prefix not in pair.binding()
        assert (pair.trunk.up, pair.trunk.username, pair.trunk.has_password) == (True, "1001", True)

    async def test_the_private_address_is_shown_to_a_registrar_on_the_lan(self, found: Any) -> None:
        """Per registration: the same profile shows each registrar what that one can reach."""
        there: Home = await found({}, gateway=False)
        await there.switch.start()
        here: Home = await found({EXTERNAL_XML: provider(lambda: there.internal)}, gateway=False)
        await here.switch.start()
        pair = Pair(here, there)
        await pair.registered()
        assert str(here.external) in pair.binding()

    async def test_a_new_public_address_is_told_at_once(self, pair: Pair) -> None:
        before = pair.binding()
        assert pair.here.gateway is not None
        started = asyncio.get_running_loop().time()
        pair.here.gateway.change_external_address(pair.here.place.host_outside(77))
        await pair.here.switch.nat_reinit()  # as an announcement would tell it
        await eventually(lambda: pair.here.place.host_outside(77) in pair.binding())
        assert asyncio.get_running_loop().time() - started < 5  # not when it would have been refreshed
        await eventually(lambda: len(pair.there.switch.snapshot().registrations) == 1)
        assert before not in pair.binding()

    async def test_a_router_that_rewrites_sip_is_told_of(
        self, join: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        pair: Pair = await join()
        assert pair.here.gateway is not None
        pair.here.gateway.quirks = Quirks(rows=frozenset({"TO09"}))
        await pair.here.switch.start()
        await eventually(lambda: "answers with a Via that is not ours" in caplog.text)
        assert "register-transport=tls" in caplog.text
        assert caplog.text.count("answers with a Via") == 1
        (told,) = [each for each in await examine(pair.here.switch) if each.id == "sip.alg"]
        assert (told.status.value, "provider answers with a Via" in told.evidence) == ("fail", True)

    async def test_a_router_that_leaves_sip_alone_is_not(
        self, pair: Pair, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert "answers with a Via" not in caplog.text
        found = {each.id: each.status.value for each in await examine(pair.here.switch)}
        wanted = {"sip.alg": "ok", "trunk.provider": "ok", "wan.agree": "ok"}
        assert {id: found[id] for id in wanted} == wanted

    async def test_a_wrong_password_is_not_tried_again_soon(
        self, join: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        pair: Pair = await join(password="wrong-guess-9-lantern")
        await pair.here.switch.start()
        await eventually(lambda: pair.trunk.state == "FAIL_WAIT")
        assert pair.trunk.next_try is not None
        assert pair.trunk.next_try > 290
        assert pair.trunk.up is False
        assert "wrong-guess" not in caplog.text

    async def test_it_unregisters_at_the_end(self, pair: Pair) -> None:
        assert pair.binding()
        await pair.here.switch.stop()
        await eventually(lambda: not pair.binding())

    async def test_what_its_file_sets_for_calls_can_be_asked(self, pair: Pair) -> None:
        switch = pair.here.switch
        assert await sofia_gateway_data(switch, "provider ovar tariff") == "night"
        assert await sofia_gateway_data(switch, "provider var tariff") == "night"
        assert await sofia_gateway_data(switch, "provider ivar tariff") == ""
        assert await sofia_gateway_data(switch, "nobody var tariff") == ""

    async def test_an_operator_ends_it_and_begins_anew(self, pair: Pair) -> None:
        trunks = pair.here.switch.calls.trunks
        assert trunks is not None
        assert trunks.unregister("provider") is True
        await eventually(lambda: pair.trunk.state == "DOWN")
        await eventually(lambda: not pair.binding())
        assert trunks.register("provider") is True
        await pair.registered()
        assert trunks.register("nobody") is None

    async def test_a_trunk_without_registration_is_only_asked(self, join: Any) -> None:
        pair: Pair = await join(register="false", ping="1")
        await pair.here.switch.start()
        await eventually(lambda: pair.trunk.ping_seconds > 0)
        assert (pair.trunk.state, pair.trunk.up) == ("NOREG", True)

    async def test_it_is_not_down_because_it_was_due_to_be_asked_too_early(
        self, join: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its first OPTIONS may be due before its address is known: no call may be refused for that."""
        monkeypatch.setattr("ringthru.switch.trunks.asking.random", SimpleNamespace(random=lambda: 0.0))
        pair: Pair = await join(ping="30")
        await pair.here.switch.start()
        await pair.registered()
        assert pair.trunk.up
        assert "does not answer" not in caplog.text


class TestCallsFromTheProvider:
    async def test_to_our_contact_go_to_the_extension(self, pair: Pair) -> None:
        """Somebody at the provider rings 1001, our account there; at home that rings the phone 1000."""
        phone = await pair.here.registered_phone("1000")
        caller = await pair.there.registered_phone("1002")
        out = caller.invite("1001", pair.there.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.answer()
        await out.answered()
        await hear_each_other(out, rung)
        assert pair.trunk.calls_in == 1
        out.hang_up()
        await pair.here.quiet()
        assert pair.trunk.failed_calls_in == 0

    @pytest.mark.parametrize("profile", ["external", "internal"])
    async def test_who_guesses_our_contact_is_a_stranger(
        self, pair: Pair, profile: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        phone = await pair.here.registered_phone("1000")
        call = pair.here.far_phone().invite("gw+provider", pair.here.reached_at(profile))
        assert (await call.refused()).status == (404 if profile == "external" else 407)
        assert phone.calls == []
        assert pair.trunk.calls_in == 0
        assert ("a stranger's call" in caplog.text) == (profile == "external")

    async def test_another_machine_of_the_provider_that_has_our_contact_is_let_in(self, pair: Pair) -> None:
        phone = await pair.here.registered_phone("1000")
        hand = HandWritten(pair.here.far_phone(), "gw+provider", pair.here.reached_at("external"))
        told = pair.trunk.contact.encode()
        assert re.search(rb";gw=[0-9a-f]{16}$", told)
        words = hand.write("INVITE", 1)
        hand.phone.send(re.sub(rb"^INVITE \S+", b"INVITE " + told, words), hand.at)
        await phone.rung()
        assert pair.trunk.calls_in == 1

    async def test_from_the_address_of_one_that_we_do_not_register_with_are_known_as_its_own(
        self, join: Any
    ) -> None:
        pair: Pair = await join(register="false")
        await pair.here.switch.start()
        await pair.here.mapped()
        await eventually(lambda: pair.here.switch.calls.trunks.serves(pair.there.outside_address))
        phone = await pair.here.registered_phone("1000")
        at = pair.here.reached_at("external")
        asked = asyncio.ensure_future(pair.there.switch.originate(f"sofia/external/home@{at}", "&echo"))
        rung = await phone.rung()
        (leg,) = [each for each in pair.here.switch.snapshot().channels if each.direction == "inbound"]
        assert pair.trunk.calls_in == 1
        rung.answer()
        assert (await asked).startswith("+OK ")
        assert pair.here.switch.calls.channels[leg.uuid].variables["sip_gateway_name"] == "provider"

    async def test_with_the_tree_as_it_is_they_ring_the_phone_and_go_no_further(
        self, shipped: Pair, caplog: pytest.LogCaptureFixture
    ) -> None:
        phone = await shipped.here.registered_phone("1000")
        caller = await shipped.there.registered_phone("1002")
        out = caller.invite("1001", shipped.there.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.answer()
        await out.answered()
        (leg,) = [each for each in shipped.here.switch.snapshot().channels if each.direction == "inbound"]
        assert leg.context == "public"  # what he transfers is looked up there
        out.hang_up()
        await rung.over()
        stranger = shipped.here.far_phone().invite("1000", shipped.here.reached_at("external"))
        assert (await stranger.refused()).status == 404
        assert "is refused: context public" not in caplog.text

    async def test_one_that_leads_nowhere_is_a_warning_with_the_cure(
        self, join: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        pair: Pair = await join(extension="my-number")
        await pair.here.switch.start()
        await pair.here.mapped()
        await pair.registered()
        caller = await pair.there.registered_phone("1002")
        out = caller.invite("1001", pair.there.internal, password=PASSWORD)
        assert (await out.refused()).status == 404
        said = (
            "A call from the gateway provider to my-number is refused: context public of the dialplan has no"
        )
        assert said in caplog.text


class TestCallsToTheProvider:
    async def test_with_the_tree_as_it_is_nought_leads_there(self, shipped: Pair) -> None:
        there = await shipped.there.registered_phone("1002")
        phone = shipped.here.lan_phone("1000")
        call = phone.invite("01002", shipped.here.internal, password=PASSWORD)
        rung = await there.rung()
        rung.answer()
        await call.answered()
        assert rung.call.request.request_uri.user is not None
        await hear_each_other(call, rung)

    async def test_a_phone_at_home_calls_somebody_there(self, pair: Pair) -> None:
        """With our credentials, and as the account that the provider knows."""
        there = await pair.there.registered_phone("1002")
        asked = asyncio.ensure_future(
            pair.here.switch.originate("sofia/gateway/provider/1002", "&echo", caller_number="4711")
        )
        rung = await there.rung()
        invite = rung.call.request
        assert invite.from_.uri.user == "1001"
        rung.answer()
        assert (await asked).startswith("+OK ")
        await hears_itself_once_learnt(rung)
        rung.hang_up()
        await pair.here.quiet()
        assert (pair.trunk.calls_out, pair.trunk.failed_calls_out) == (1, 0)

    async def test_a_call_that_fails_is_counted(self, pair: Pair) -> None:
        assert (await pair.here.switch.originate("sofia/gateway/provider/7777", "&echo")).startswith("-ERR ")
        await eventually(lambda: pair.trunk.failed_calls_out == 1)

    async def test_no_call_over_a_trunk_that_is_none(self, pair: Pair) -> None:
        assert await pair.here.switch.originate("sofia/gateway/nobody/1", "&echo") == "-ERR INVALID_GATEWAY"

    async def test_the_target_of_a_dial_string(self, pair: Pair) -> None:
        trunks = pair.here.switch.calls.trunks
        assert trunks is not None
        target = await trunks.target("provider", "1002")
        assert not isinstance(target, HangupCause)
        assert (target.profile.name, target.uri.user) == ("external", "1002")
        assert target.flows[0].remote == pair.there.reached_at("internal")
        assert target.login is not None
        assert await trunks.target("nobody", "1") is HangupCause.INVALID_GATEWAY
        assert await trunks.target("provider", "a b") is HangupCause.INVALID_NUMBER_FORMAT
        trunks.unregister("provider")
        await eventually(lambda: pair.trunk.state == "DOWN")
        assert await trunks.target("provider", "1") is HangupCause.GATEWAY_DOWN
        assert await pair.here.switch.originate("sofia/gateway/provider/1", "&echo") == "-ERR GATEWAY_DOWN"


class TestAProviderThatIsGone:
    async def test_options_without_an_answer_put_it_down(
        self, join: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        pair: Pair = await join(register="false", ping="1", proxy="127.0.0.1:9")
        await pair.here.switch.start()
        pair.here.switch.calls.profiles["external"].agent._layer.timing = _short(pair)
        await eventually(lambda: not pair.trunk.up)
        assert "Gateway provider does not answer OPTIONS any more" in caplog.text


def _short(pair: Pair) -> Any:
    from ringthru.sip import Timing

    return Timing(t1=0.01)
