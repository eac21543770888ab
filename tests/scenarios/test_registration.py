"""Phones register: with the right password and the wrong one, from afar, again; until it runs out."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from ringthru.net.levels import NOTICE
from ringthru.sip import Request, Response
from ringthru.switch.snapshots import RegistrationState

from .home import DIRECTORY, INTERNAL_XML, PASSWORD, Edit, Home, setting
from .phones import Phone
from .waiting import eventually


def contacts(response: Response) -> list[str]:
    return [str(each.uri) for each in response.contacts]


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(each.levelno, each.getMessage()) for each in caplog.records]


class TestTheRightPassword:
    async def test_the_phone_is_challenged_and_then_let_in(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        response = await phone.register(home.internal, PASSWORD)
        assert response.status == 200
        assert contacts(response) == [f"sip:1000@{phone.address}"]
        assert phone.heard[0].startswith(b"SIP/2.0 401 ")
        assert home.public_prefix not in phone.text

    async def test_it_is_listed(self, home: Home) -> None:
        phone = await home.registered_phone()
        (row,) = home.switch.snapshot().registrations
        assert row.user == f"1000@{home.address}"
        assert row.source == phone.address
        assert row.state is RegistrationState.UDP
        assert 590 < row.expires_in <= 600
        assert row.agent == "Test phone"

    async def test_it_is_logged(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        await home.registered_phone()
        assert any(
            level == NOTICE and text.startswith(f"Registered 1000@{home.address} at ")
            for level, text in lines(caplog)
        )
        assert "SIP auth failure" not in caplog.text

    async def test_a_phone_far_away_registers_through_the_gateway(self, home: Home) -> None:
        phone = home.far_phone("1001")
        response = await phone.register(home.reached_at("internal"), PASSWORD)
        assert response.status == 200
        assert home.private_prefix not in phone.text

    async def test_a_phone_that_shows_a_wrong_address_is_reached_where_it_was_heard(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        contact = f"<sip:1000@{home.place.elsewhere}:5060>"
        assert (await phone.register(home.internal, PASSWORD, contact=contact)).status == 200
        (row,) = home.switch.snapshot().registrations
        assert row.state is RegistrationState.UDP_NAT
        assert "fs_path=sip%3A1000%40" in row.contact
        caller = home.lan_phone("1001")
        caller.invite("1000", home.internal, password=PASSWORD)
        ringing = await phone.rung()
        assert ringing.call.request.request_uri.host == home.place.elsewhere
        assert "fs_path" not in ringing.call.request.uri


class TestWhoIsNotLetIn:
    """The answer is another 401, and a line that fail2ban knows."""

    async def refused(self, home: Home, caplog: pytest.LogCaptureFixture, phone: Phone, **how: Any) -> str:
        response = await phone.register(home.internal, how.pop("password", PASSWORD), **how)
        assert response.status == 401
        assert response.get("WWW-Authenticate")
        assert not home.switch.snapshot().registrations
        return "\n".join(text for level, text in lines(caplog) if level == logging.WARNING)

    async def test_a_wrong_password(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        phone = home.lan_phone("1000")
        log = await self.refused(home, caplog, phone, password="guess")
        assert (
            f"SIP auth failure (REGISTER) on sofia profile 'internal' for [1000@{home.address}]"
            f" from ip {phone.address.host}"
        ) in log.splitlines()

    async def test_an_unknown_user(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        phone = home.lan_phone("2000")
        log = await self.refused(home, caplog, phone)
        host = phone.address.host
        assert f"Can't find user [2000@{home.address}] from {host}" in log.splitlines()
        assert (
            "SIP auth failure (REGISTER) on sofia profile 'internal' for"
            f" [2000@{home.address}] from ip {host}"
        ) in log.splitlines()

    async def test_another_domain_is_taken_for_ours(self, home: Home) -> None:
        """force-register-domain: whatever a phone writes, its user is looked up in our domain."""
        phone = home.lan_phone("1000")
        response = await phone.register(home.internal, PASSWORD, domain="pbx.example")
        assert response.status == 200
        assert [row.user for row in home.switch.snapshot().registrations] == [f"1000@{home.address}"]

    async def test_a_domain_that_is_not_ours_where_none_is_forced(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        unforced: Edit = lambda text: re.sub(r'.*"force-register-domain".*\n', "", text)  # noqa: E731
        home: Home = await found({"sip_profiles/internal.xml": unforced})
        await home.switch.start()
        phone = home.lan_phone("1000")
        log = await self.refused(home, caplog, phone, domain="nowhere.example")
        assert (
            "SIP auth failure (REGISTER) on sofia profile 'internal' for [1000@nowhere.example]"
            f" from ip {phone.address.host}"
        ) in log.splitlines()

    async def test_a_user_who_registers_as_another(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        phone = home.lan_phone("1000")
        response = await phone.register(home.internal, PASSWORD, user="1001")
        assert response.status == 403
        assert not home.switch.snapshot().registrations

    async def test_credentials_that_are_noise(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        request = Request(
            "REGISTER",
            f"sip:{home.address}",
            [
                ("From", f"<sip:1000@{home.address}>"),
                ("To", f"<sip:1000@{home.address}>"),
                ("Authorization", 'Digest ="",,nonce'),
            ],
        )
        assert (await phone.ask(request, home.internal)).status == 401

    async def test_a_password_never_reaches_the_log(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await home.lan_phone("1000").register(home.internal, PASSWORD)
        await home.lan_phone("1001").register(home.internal, "oops-my-password")
        assert PASSWORD not in caplog.text
        assert "oops-my-password" not in caplog.text


class TestTheLifeOfABinding:
    async def test_registering_again_renews_it(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        await phone.register(home.internal, PASSWORD, expires=120, call_id="one")
        await phone.register(home.internal, PASSWORD, expires=900, call_id="one", number=10)
        (row,) = home.switch.snapshot().registrations
        assert row.expires_in > 890

    async def test_two_phones_of_one_user_are_two_bindings(self, home: Home) -> None:
        await home.registered_phone()
        second = home.lan_phone("1000")
        response = await second.register(home.internal, PASSWORD)
        assert len(contacts(response)) == 2
        assert len(home.switch.snapshot().registrations) == 2

    async def test_expires_0_takes_it_away(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        phone = home.lan_phone("1000")
        await phone.register(home.internal, PASSWORD, call_id="one")
        response = await phone.register(home.internal, PASSWORD, expires=0, call_id="one", number=10)
        assert response.status == 200
        assert contacts(response) == []
        assert not home.switch.snapshot().registrations
        assert f"Unregistered 1000@{home.address}" in caplog.text

    async def test_a_star_takes_all_away(self, home: Home) -> None:
        await home.registered_phone()
        phone = home.lan_phone("1000")
        response = await phone.register(home.internal, PASSWORD, contact="*", expires=0)
        assert response.status == 200
        assert not home.switch.snapshot().registrations

    async def test_it_runs_out(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        """The clock is moved, not waited for."""
        caplog.set_level(logging.INFO)
        await home.registered_phone()
        registrar = home.switch.calls.registrar
        later = home.switch.calls.profiles["internal"].now() + 601
        assert not registrar.snapshot(later)
        registrar.expire(later)
        assert f"Registration of 1000@{home.address} at " in caplog.text
        assert not home.switch.snapshot().registrations
        assert "error/user_not_registered" in home.switch.calls.router.functions.call(
            f"sofia_contact(1000@{home.address})"
        )


class TestUsersOfTheirOwn:
    async def test_a_user_without_a_password_cannot_register(self, found: Any) -> None:
        bare: Edit = lambda text: text.replace("</users>", '<user id="1009"/></users>')  # noqa: E731
        home: Home = await found({DIRECTORY: bare})
        await home.switch.start()
        for password in ("", "1009", "None"):
            assert (await home.lan_phone("1009").register(home.internal, password)).status == 401

    async def test_the_same_credentials_cannot_be_played_again(self, home: Home) -> None:
        """Whoever overhears a REGISTER may not send it once more from elsewhere."""
        phone = await home.registered_phone()
        overheard: list[bytes] = []
        spy = home.lan_phone("1000")
        send = phone._socket.send
        phone._socket.send = lambda data, to: overheard.append(data) or send(data, to)  # type: ignore[method-assign]
        assert (await phone.register(home.internal, PASSWORD)).status == 200
        replayed = overheard[-1].replace(str(phone.address).encode(), str(spy.address).encode())
        replayed = re.sub(rb"(branch=z9hG4bK|Call-ID: )\w+", rb"\1replay", replayed)
        assert b"Authorization" in replayed
        spy.send(replayed, home.internal)
        answer = await eventually(lambda: spy.heard[0] if spy.heard else None)
        assert answer.startswith(b"SIP/2.0 401 ")


class TestUserAgentFilter:
    """``user-agent-filter`` of the profile: phones of a kind alone."""

    @pytest.mark.parametrize(
        ("expression", "status"), [("^Test", 200), ("/^test/i", 200), ("^(Snom|Yealink)", 403)]
    )
    async def test_only_those_that_match_may_register(self, found: Any, expression: str, status: int) -> None:
        home: Home = await found({INTERNAL_XML: setting("user-agent-filter", expression)})
        await home.switch.start()
        phone = home.lan_phone("1000")
        assert (await phone.register(home.internal, PASSWORD)).status == status
        challenged = any(each.startswith(b"SIP/2.0 401 ") for each in phone.heard)
        assert challenged == (status == 200)
        assert (await phone.options(home.internal)).status == 200
