"""The guard: floods, scanners, guessed passwords, and forged datagrams that must harm nobody. No clock."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.switch.door import protection
from ringthru.switch.door.protection import Guard, GuardSettings, is_scanner

STRANGER, PHONE = Endpoint("198.51.100.7", 5060), Endpoint("198.51.100.7", 40000)
NEIGHBOUR = Endpoint("192.168.1.20", 5060)


class Door:
    def __init__(self, **settings: float) -> None:
        self.lines: list[str] = []
        self.known = {PHONE}
        self.guard = Guard(
            GuardSettings(**settings),  # type: ignore[arg-type]
            is_known=lambda source: source in self.known,
            is_neighbour=lambda host: host.startswith("192.168."),
            tell=self.lines.append,
        )

    def fail(self, times: int, source: Endpoint = STRANGER, now: float = 0.0) -> list[bool]:
        return [self.guard.failed(source, "it guesses passwords", now) for _ in range(times)]

    def admits(self, source: Endpoint = STRANGER, now: float = 0.0, agent: str = "") -> bool:
        return self.guard.admits(source, agent, now)


@pytest.fixture
def door() -> Door:
    return Door(failures=3, ban=600.0, requests_per_second=10)


class TestGuessing:
    def test_the_third_wrong_password_is_one_too_many(self, door: Door) -> None:
        assert door.fail(3) == [False, False, True]
        assert not door.admits(now=599.0)
        assert door.admits(now=600.0)
        assert door.lines == ["Banned 198.51.100.7 for 600 s: it guesses passwords"]

    def test_the_ban_is_for_all_to_see_and_to_end(self, door: Door) -> None:
        door.fail(3, now=5.0)
        door.admits(now=6.0)
        (ban,) = door.guard.bans(6.0)
        assert (ban.source, ban.since, ban.until, ban.dropped) == ("198.51.100.7", 5.0, 605.0, 1)
        assert door.guard.lift("198.51.100.7")
        assert door.admits(now=7.0)
        assert not door.guard.lift("198.51.100.7")

    def test_who_comes_back_to_guess_stays_away_longer(self, door: Door) -> None:
        lengths = []
        now = 0.0
        for _ in range(12):
            door.fail(3, now=now)
            until = door.guard.bans(now)[0].until
            lengths.append(until - now)
            now = until
        assert lengths[:3] == [600, 1200, 2400]
        assert lengths[-1] == 86400

    def test_slow_mistakes_are_forgiven(self, door: Door) -> None:
        assert [door.guard.failed(STRANGER, "x", 700.0 * n) for n in range(10)] == [False] * 10

    def test_a_right_password_wipes_out_the_wrong_ones(self, door: Door) -> None:
        door.fail(2)
        door.guard.succeeded(STRANGER.host)
        assert door.fail(2) == [False, False]

    def test_nobody_is_banned_where_the_operator_says_so(self) -> None:
        assert not any(Door(failures=0).fail(1000))


class TestWhoIsNeverHarmed:
    def test_a_registered_phone_behind_the_same_address_goes_on(self, door: Door) -> None:
        door.fail(3)
        assert not door.admits(STRANGER)
        assert door.admits(PHONE)

    def test_nor_does_a_flood_in_its_name_stop_it(self, door: Door) -> None:
        assert all(door.admits(PHONE) for _ in range(10_000))

    def test_a_registered_phone_with_an_old_password_bans_nobody(self, door: Door) -> None:
        assert not any(door.fail(100, PHONE))

    def test_our_own_network(self, door: Door) -> None:
        assert not any(door.fail(100, NEIGHBOUR))
        assert all(door.admits(NEIGHBOUR) for _ in range(10_000))


class TestFloods:
    def test_so_many_at_once_and_so_many_a_second(self, door: Door) -> None:
        assert sum(door.admits(now=0.0) for _ in range(1000)) == 100
        assert sum(door.admits(now=1.0) for _ in range(1000)) == 10
        assert door.admits(Endpoint("203.0.113.5", 5060), now=1.0)
        assert door.lines == ["More than 10 requests/s from 198.51.100.7: some are not answered"]

    def test_no_limit(self) -> None:
        door = Door(requests_per_second=0)
        assert all(door.admits() for _ in range(10_000))

    def test_a_million_addresses_cost_no_memory(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protection, "MAX_SOURCES", 100)
        monkeypatch.setattr(protection, "MAX_BANS", 50)
        for number in range(1000):
            source = Endpoint(f"10.{number >> 8}.{number & 255}.1", 5060)
            door.fail(3, source)
        assert len(door.guard._sources) == 100
        assert len(door.guard.bans(1.0)) == 50


class TestIPv6:
    def test_a_customer_with_more_addresses_than_there_are_is_one(self, door: Door) -> None:
        sources = [Endpoint(f"2001:db8:1:2::{number:x}", 5060) for number in range(1, 5)]
        assert [door.fail(1, each)[0] for each in sources[:3]] == [False, False, True]
        assert not door.admits(sources[3])
        assert door.admits(Endpoint("2001:db8:1:3::1", 5060))
        assert door.guard.bans(0.0)[0].source == "2001:0db8:0001:0002::/64"
        assert door.guard.lift("2001:db8:1:2::9")


class TestScanners:
    @pytest.mark.parametrize(
        "agent", ["friendly-scanner", "SIPVicious 0.3", "sipcli/v1.8", "VaxSIPUserAgent/3"]
    )
    def test_they_hear_nothing(self, door: Door, agent: str) -> None:
        assert not door.admits(agent=agent)
        assert not door.admits(agent=agent)
        assert len(door.lines) == 1
        assert door.admits(agent="Z 5.6")  # one forged datagram must not ban an address
        assert door.guard.bans(0.0) == ()

    @pytest.mark.parametrize("agent", ["", "Linphone/5", "baresip v1", "Ringthru/1"])
    def test_phones_are_none(self, agent: str) -> None:
        assert not is_scanner(agent)
