"""Our own address on the LAN is another one: a lease that came late, or a new one."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.net.surroundings import NOWHERE
from ringthru.net.values import replace
from ringthru.switch import following

from .events import Ear
from .home import INTERNAL_XML, PASSWORD, Home, setting
from .phones import hears_itself
from .waiting import eventually


def move(home: Home, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The kernel says another address from now on, and the switch hears of it."""
    here = replace(home.switch._surroundings, address=address)
    monkeypatch.setattr(following, "look_around", lambda: here)
    home.switch.look_where_we_are()


async def arrived(home: Home, address: str) -> None:
    def there() -> bool:
        profiles = home.switch.snapshot().profiles
        return len(profiles) == 2 and all(each.sip_ip == each.rtp_ip == address for each in profiles)

    await eventually(there, "not every profile listens at the new address")


class TestAnotherAddress:
    async def test_is_where_phones_register_and_call_from_then_on(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, new = home.address, home.place.host_inside(104)
        ear = Ear(home.switch, "TRAP")
        move(home, monkeypatch, new)
        await arrived(home, new)
        assert home.switch.variables["local_ip_v4"] == home.switch.variables["domain"] == new
        phone = await home.registered_phone("1000")
        call = phone.invite("9196", home.internal, password=PASSWORD)
        await call.answered()
        await hears_itself(call)
        headers = dict((await ear.until("TRAP")).headers)
        assert headers["condition"] == "network-address-change"
        assert headers["network-address-previous-v4"] == old
        assert headers["network-address-change-v4"] == new

    async def test_leaves_nothing_of_the_old_one_held_ready(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = home.switch.calls.ports.pool
        assert before is not None
        new = home.place.host_inside(104)
        move(home, monkeypatch, new)
        await arrived(home, new)
        await home.mapped()  # as many as ever: those of the old pool are off the gateway
        pool = home.switch.calls.ports.pool
        assert pool is not None
        assert pool is not before
        assert (before.size, before.ready) == (0, 0)

    async def test_a_profile_with_auto_restart_false_stays(
        self, found: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home: Home = await found({INTERNAL_XML: setting("auto-restart", "false")})
        await home.switch.start()
        old, new = home.address, home.place.host_inside(104)
        move(home, monkeypatch, new)

        def places() -> dict[str, str]:
            return {each.name: each.sip_ip for each in home.switch.snapshot().profiles}

        await eventually(
            lambda: places().get("external") == new, "external does not listen at the new address"
        )
        assert places()["internal"] == old

    async def test_no_network_is_no_reason_to_go_anywhere(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, phone = home.address, await home.registered_phone("1000")
        call = phone.invite("9196", home.internal, password=PASSWORD)
        await call.answered()
        move(home, monkeypatch, NOWHERE)
        await hears_itself(call)
        assert {each.sip_ip for each in home.switch.snapshot().profiles} == {old}

    async def test_a_profile_that_cannot_listen_there_yet_does_later(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unborn, new = "192.0.2.77", home.place.host_inside(104)
        move(home, monkeypatch, unborn)
        await eventually(lambda: not home.switch.snapshot().profiles, "a profile listens at nobody's address")
        move(home, monkeypatch, new)
        await arrived(home, new)
