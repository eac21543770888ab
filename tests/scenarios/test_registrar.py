"""Phones that stay registered over a restart, phones that are gone, and people who guess passwords."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import Request
from ringthru.switch.switch import Switch, SwitchOptions

from .home import DIRECTORY, INTERNAL_XML, PASSWORD, Edit, Home, setting, surroundings_of
from .phones import Phone, hear_each_other
from .waiting import eventually

BOTH = {INTERNAL_XML: setting("rfc8760-auth-algorithms", "SHA-256,MD5")}


def contacts(response: Any) -> list[str]:
    return [str(contact.uri) for contact in response.contacts]


def variable(user: str, name: str, value: str) -> Edit:
    """One more variable of a user."""
    row = f'<variable name="{name}" value="{value}"/>'
    return lambda text: re.sub(
        rf'(<user id="{user}">.*?)</variables>', rf"\g<1>{row}</variables>", text, flags=re.S
    )


def param(user: str, name: str, value: str) -> Edit:
    row = f'<param name="{name}" value="{value}"/>'
    return lambda text: re.sub(
        rf'(<user id="{user}">.*?)</params>', rf"\g<1>{row}</params>", text, flags=re.S
    )


async def restarted(home: Home) -> None:
    """The same configuration and the same state folder, another process of life."""
    await home.switch.stop()
    place = home.place
    options = SwitchOptions(
        conf=home.folder / "conf",
        db=home.folder / "db",
        surroundings=surroundings_of(place, place.host_inside(1)),
    )
    home.switch = Switch(options)
    await home.switch.start()


class TestARestart:
    async def test_a_phone_is_called_without_registering_again(self, home: Home) -> None:
        phone = await home.registered_phone("1000")
        await restarted(home)
        caller = home.lan_phone("1001")
        call = caller.invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        call.hang_up()
        await home.quiet()

    async def test_a_phone_behind_a_nat_is_called_where_it_was_heard(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        contact = f"<sip:1000@{home.place.elsewhere}:5060>"
        assert (await phone.register(home.internal, PASSWORD, contact=contact)).status == 200
        before = home.switch.snapshot().registrations
        await restarted(home)
        (after,) = home.switch.snapshot().registrations
        assert (after.contact, after.state, after.source) == (
            before[0].contact,
            before[0].state,
            before[0].source,
        )
        assert after.expires_in == pytest.approx(before[0].expires_in, abs=60)
        home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        assert (await phone.rung()).call.request.request_uri.host == home.place.elsewhere

    async def test_a_phone_that_left_stays_away(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        await phone.register(home.internal, PASSWORD, call_id="one")
        await phone.register(home.internal, PASSWORD, expires=0, call_id="one", number=10)
        await restarted(home)
        assert not home.switch.snapshot().registrations

    async def test_a_user_who_was_struck_out_meanwhile_is_not_called(self, home: Home) -> None:
        await home.registered_phone("1000")
        file = home.folder / "conf" / DIRECTORY
        file.write_text(re.sub(r'<user id="1000">.*?</user>', "", file.read_text(), flags=re.S))
        await restarted(home)
        assert not home.switch.snapshot().registrations

    async def test_a_phone_that_was_quicker_than_the_file_wins(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        await phone.register(home.internal, PASSWORD, expires=300, call_id="one")
        await restarted(home)
        await phone.register(home.internal, PASSWORD, expires=900, call_id="one", number=20)
        (row,) = home.switch.snapshot().registrations
        assert row.expires_in > 890


class TestIsItStillThere:
    async def pinged(self, found: Any, **settings: str) -> Home:
        edits = [setting(name.replace("_", "-"), value) for name, value in settings.items()]
        home: Home = await found(
            {INTERNAL_XML: [setting("ping-mean-interval", "1"), setting("sip-user-ping-max", "1"), *edits]},
            gateway=False,
        )
        await home.switch.start()
        return home

    async def test_a_phone_answers(self, found: Any) -> None:
        home = await self.pinged(found, all_reg_options_ping="true")
        phone = await home.registered_phone()
        await eventually(lambda: home.switch.snapshot().registrations[0].ping_seconds > 0)
        assert any(each.startswith(b"OPTIONS sip:1000@") for each in phone.heard)
        assert home.switch.snapshot().registrations[0].reachable

    async def test_only_phones_behind_a_nat_by_default(self, found: Any) -> None:
        home = await self.pinged(found)
        near, far = await home.registered_phone("1000"), home.lan_phone("1001")
        contact = f"<sip:1001@{home.place.elsewhere}:5060>"
        assert (await far.register(home.internal, PASSWORD, contact=contact)).status == 200
        await eventually(lambda: any(each.startswith(b"OPTIONS") for each in far.heard))
        assert not any(each.startswith(b"OPTIONS") for each in near.heard)

    async def test_one_that_is_gone_is_shown_and_where_told_so_forgotten(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        home = await self.pinged(found, all_reg_options_ping="true", unregister_on_options_fail="true")
        self.hurry(home)
        phone = await home.registered_phone()
        phone.close()
        await eventually(lambda: not home.switch.snapshot().registrations)
        assert "it answers no OPTIONS" in caplog.text

    async def test_unreachable_but_not_forgotten(self, found: Any) -> None:
        home = await self.pinged(found, all_reg_options_ping="true")
        self.hurry(home)
        phone = await home.registered_phone()
        phone.close()
        await eventually(lambda: not home.switch.snapshot().registrations[0].reachable)

    @staticmethod
    def hurry(home: Home) -> None:
        """No answer is noticed after 0.6 s instead of 32 (RFC 3261's T1 is a setting)."""
        from ringthru.sip import Timing

        home.switch.calls.profiles["internal"].agent._layer.timing = Timing(t1=0.01)


class TestTheBooks:
    async def test_contacts_that_change_with_each_refresh_leave_nothing_behind(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        for number in range(1, 20, 3):
            contact = f"<sip:1000@{phone.address};n{number}=1>"  # the same URI (RFC 3261 §19.1.4)
            await phone.register(home.internal, PASSWORD, contact=contact, call_id="one", number=number)
        registrar = home.switch.calls.registrar
        assert len(home.switch.snapshot().registrations) == 1
        assert len(registrar._source_of) == len(registrar._sources) == 1
        await phone.register(home.internal, PASSWORD, contact="*", expires=0, call_id="one", number=40)
        assert not registrar._source_of
        assert not registrar._sources


class TestGuessing:
    """From outside; our own network is never banned."""

    def outsider(self, home: Home, number: int, user: str = "1000") -> Phone:
        return home.phone_at(home.place.host_outside(number), user)

    async def test_the_tenth_wrong_password_is_the_last(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        guesser = self.outsider(home, 60)
        statuses = [(await guesser.register(home.internal, f"guess-{n}")).status for n in range(10)]
        assert statuses == [401] * 9 + [403]
        assert f"Banned {guesser.address.host} for 600 s" in caplog.text
        (ban,) = home.switch.snapshot().bans
        assert ban.source == guesser.address.host
        heard = len(guesser.heard)
        guesser.send(register_text(home, guesser.address), home.internal)
        other = self.outsider(home, 61)
        assert (await other.register(home.internal, PASSWORD)).status == 200  # and in the meantime …
        assert len(guesser.heard) == heard  # … not a word
        assert home.switch.snapshot().bans[0].dropped == 1

    async def test_a_phone_behind_the_same_address_goes_on(self, home: Home) -> None:
        phone, guesser = self.outsider(home, 60), self.outsider(home, 60, "1001")
        assert (await phone.register(home.internal, PASSWORD)).status == 200
        for number in range(10):
            await guesser.register(home.internal, f"guess-{number}")
        assert home.switch.snapshot().bans
        assert (await phone.register(home.internal, PASSWORD)).status == 200

    async def test_forged_datagrams_ban_nobody(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        """Whoever writes somebody else's address does not hear the nonce that was sent there."""
        guesser, victim = self.outsider(home, 60), self.outsider(home, 61)
        await guesser.register(home.internal, "a-guess")
        challenge = next(each for each in guesser.heard if each.startswith(b"SIP/2.0 401"))
        nonce = re.search(rb'nonce="([^"]+)"', challenge)
        assert nonce is not None
        before = caplog.text.count("SIP auth failure")
        for number in range(20):
            text = register_text(home, victim.address, number, nonce[1].decode())
            victim.send(text, home.internal)  # as a forger would
        await eventually(lambda: len(victim.heard) >= 20)
        assert not home.switch.snapshot().bans
        assert caplog.text.count("SIP auth failure") == before

    async def test_a_flood_of_strangers_leaves_nothing_behind(self, home: Home) -> None:
        stranger = self.outsider(home, 60)
        for number in range(50):
            stranger.send(register_text(home, stranger.address, number), home.internal)
        await eventually(lambda: len(stranger.heard) >= 50)
        layer = home.switch.calls.profiles["internal"].agent._layer
        assert not layer._servers
        assert all(each.startswith(b"SIP/2.0 401") for each in stranger.heard)

    async def test_a_scanner_hears_nothing(self, home: Home) -> None:
        scanner = self.outsider(home, 60)
        text = register_text(home, scanner.address).replace(
            b"\r\n\r\n", b"\r\nUser-Agent: friendly-scanner\r\n\r\n"
        )
        scanner.send(text, home.internal)
        scanner.send(register_text(home, scanner.address, 2), home.internal)
        await eventually(lambda: scanner.heard)
        assert len(scanner.heard) == 1
        assert b"z9hG4bKx2" in scanner.heard[0]


def register_text(home: Home, source: Endpoint, number: int = 1, nonce: str = "") -> bytes:
    """A REGISTER by hand; with ``nonce`` it guesses a password."""
    guess = (
        f'Authorization: Digest username="1000", realm="{home.address}", nonce="{nonce}", uri="sip:x", '
        f'response="{number:032x}", algorithm=MD5, qop=auth, nc=0000000{number % 10}, cnonce="c"\r\n'
        if nonce
        else ""
    )
    return (
        f"REGISTER sip:{home.address} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {source};rport;branch=z9hG4bKx{number}\r\n"
        f"From: <sip:1000@{home.address}>;tag=1\r\nTo: <sip:1000@{home.address}>\r\n"
        f"Call-ID: flood{number}\r\nCSeq: 1 REGISTER\r\n{guess}\r\n"
    ).encode()


class TestSettings:
    async def at(self, found: Any, edits: dict[str, Any]) -> Home:
        home: Home = await found(edits, gateway=False)
        await home.switch.start()
        return home

    async def test_a_user_is_granted_what_his_entry_says(self, found: Any) -> None:
        home = await self.at(found, {DIRECTORY: variable("1000", "sip-force-expires", "90")})
        response = await home.lan_phone("1000").register(home.internal, PASSWORD)
        assert response.contacts[0].parameter("expires") == "90"
        other = await home.lan_phone("1001").register(home.internal, PASSWORD)
        assert other.contacts[0].parameter("expires") == "600"

    async def test_a_user_may_register_from_certain_places_only(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        home = await self.at(found, {DIRECTORY: param("1000", "auth-acl", "192.0.2.0/24")})
        assert (await home.lan_phone("1000").register(home.internal, PASSWORD)).status == 403
        assert "Rejected by user acl [192.0.2.0/24]" in caplog.text

    async def test_one_phone_at_a_time(self, found: Any) -> None:
        home = await self.at(found, {INTERNAL_XML: setting("multiple-registrations", "false")})
        await home.registered_phone()
        second = home.lan_phone("1000")
        response = await second.register(home.internal, PASSWORD)
        assert contacts(response) == [f"sip:1000@{second.address}"]

    async def test_md5_alone_by_default(self, home: Home) -> None:
        """There are phones that stumble over a challenge they do not know."""
        phone = home.lan_phone("1000")
        assert (await phone.register(home.internal, PASSWORD)).status == 200
        assert phone.heard[0].count(b"WWW-Authenticate") == 1
        assert b"algorithm=MD5" in phone.heard[0]

    async def test_a_phone_that_stumbles_over_two_challenges_is_offered_md5_the_next_time(
        self, found: Any
    ) -> None:
        home = await self.at(found, BOTH)
        phone = home.lan_phone("1000")
        for number in (1, 1, 2):  # twice the same: a repetition
            text = register_text(home, phone.address).replace(b"CSeq: 1 ", b"CSeq: %d " % number)
            phone.send(text.replace(b"branch=z9hG4bKx1", b"branch=z9hG4bKy%d" % number), home.internal)
        await eventually(lambda: len(phone.heard) == 3)
        assert [each.count(b"WWW-Authenticate") for each in phone.heard] == [2, 2, 1]
        assert (await phone.register(home.internal, PASSWORD)).status == 200
        assert phone.heard[3].count(b"WWW-Authenticate") == 1  # remembered

    async def test_the_stronger_challenge_comes_first(self, found: Any) -> None:
        home = await self.at(found, BOTH)
        phone = await home.registered_phone()
        algorithms = re.findall(rb"WWW-Authenticate: .*algorithm=([\w-]+)", phone.heard[0])
        assert algorithms == [b"SHA-256", b"MD5"]

    async def test_a_phone_behind_a_proxy_is_called_through_it(self, home: Home) -> None:
        phone, proxy = home.lan_phone("1000"), home.lan_phone("proxy")
        request = Request(
            "REGISTER",
            f"sip:{home.address}",
            [
                ("From", f"<sip:1000@{home.address}>"),
                ("To", f"<sip:1000@{home.address}>"),
                ("Contact", "<sip:1000@10.9.9.9>"),
                ("Path", f"<sip:{proxy.address};lr>"),
                ("Supported", "path"),
            ],
        )
        from ringthru.sip import Login

        response = await phone.ask(request, home.internal, Login("1000", PASSWORD))
        assert (response.status, response.get("Path")) == (200, f"<sip:{proxy.address};lr>")
        (row,) = home.switch.snapshot().registrations
        assert f"fs_path=sip%3A{proxy.address.host}%3A{proxy.address.port}%3Blr" in row.contact
        home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        rung = await proxy.rung()
        assert rung.call.request.uri == "sip:1000@10.9.9.9"
        assert rung.call.request.get("Route") == f"<sip:{proxy.address};lr>"

    async def test_anybody_may_register_where_the_operator_is_blind(self, found: Any) -> None:
        home = await self.at(found, {INTERNAL_XML: setting("accept-blind-reg", "true")})
        assert (await home.lan_phone("4711").register(home.internal, "whatever")).status == 200
        (row,) = home.switch.snapshot().registrations
        assert row.user == f"4711@{home.address}"

    async def test_nobody_registers_where_that_is_off(self, found: Any) -> None:
        home = await self.at(found, {INTERNAL_XML: setting("disable-register", "true")})
        assert (await home.lan_phone("1000").register(home.internal, PASSWORD)).status == 403

    async def test_an_operator_flushes(self, home: Home) -> None:
        await home.registered_phone("1000")
        await home.registered_phone("1001")
        registrar, now = home.switch.calls.registrar, asyncio.get_running_loop().time()
        assert registrar.flush("internal", f"1000@{home.address}", now) == 1
        assert [each.auth_user for each in home.switch.snapshot().registrations] == ["1001"]
        assert registrar.flush("internal", "", now) == 1
        assert not home.switch.snapshot().registrations
