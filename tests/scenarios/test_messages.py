"""MESSAGE: from one user to another, and to nobody (RFC 3428)."""

from __future__ import annotations

import pytest

from ringthru.sip import Login, Request
from ringthru.switch.calls import messages

from .home import PASSWORD, Home
from .phones import Phone
from .waiting import eventually


async def write(
    phone: Phone, home: Home, to: str, text: bytes = b"hello", password: str | None = PASSWORD, **more: str
) -> int:
    rows = [("From", f"<sip:{phone.user}@{home.address}>"), ("Content-Type", "text/plain")]
    rows += [(name.replace("_", "-"), value) for name, value in more.items()]
    request = Request("MESSAGE", f"sip:{to}@{home.address}", rows, text)
    login = Login(phone.user, password) if password else None
    return (await phone.ask(request, home.internal, login)).status


async def test_it_arrives_as_it_was_sent(home: Home) -> None:
    one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
    assert await write(one, home, "1001", "grüße".encode()) == 200
    (message,) = other.requests
    assert (message.method, message.body) == ("MESSAGE", "grüße".encode())
    assert message.from_.uri.user == "1000"
    assert message.get("Content-Type") == "text/plain"


async def test_nobody_writes_in_anothers_name(home: Home) -> None:
    one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
    rows = [("From", f'"The Boss" <sip:1003@{home.address}>'), ("Content-Type", "text/plain")]
    request = Request("MESSAGE", f"sip:1001@{home.address}", rows, b"pay at once")
    assert (await one.ask(request, home.internal, Login("1000", PASSWORD))).status == 200
    shown = other.requests[0].from_
    assert (shown.display, shown.uri.user) == ("", "1000")


async def test_it_reaches_every_phone_of_the_user(home: Home) -> None:
    one, other, third = [await home.registered_phone(each) for each in ("1000", "1001", "1001")]
    assert await write(one, home, "1001") == 200
    await eventually(lambda: other.requests and third.requests, "one of them got nothing")


@pytest.mark.parametrize("to", ["1002", "5551234", ""])
async def test_to_nobody(home: Home, to: str) -> None:
    one = await home.registered_phone("1000")
    assert await write(one, home, to or "1003") == 480


async def test_only_with_a_password(home: Home) -> None:
    other, stranger = await home.registered_phone("1001"), home.lan_phone("1000")
    assert await write(stranger, home, "1001", password=None) == 407
    assert await write(stranger, home, "1001", password="guess") == 407
    assert other.requests == []


async def test_strangers_may_call_but_not_write(home: Home) -> None:
    other = await home.registered_phone("1001")
    request = Request("MESSAGE", f"sip:1001@{home.outside_address}", [], b"buy this")
    assert (await home.far_phone().ask(request, home.reached_at("external"))).status == 405
    assert other.requests == []


async def test_a_long_text_is_refused(home: Home) -> None:
    one, _ = await home.registered_phone("1000"), await home.registered_phone("1001")
    assert await write(one, home, "1001", b"x" * 1301) == 413


async def test_to_a_user_with_many_phones_it_goes_to_the_first_of_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_COPIES", 2)
    one = await home.registered_phone("1000")
    others = [await home.registered_phone("1001") for _ in range(3)]
    assert await write(one, home, "1001") == 200
    assert sum(len(each.requests) for each in others) == 2


async def test_more_at_once_than_can_be_carried_are_put_off(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_UNDER_WAY", 0)
    one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
    assert await write(one, home, "1001") == 503
    assert other.requests == []
