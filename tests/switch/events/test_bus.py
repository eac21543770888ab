"""Events: made once, for those who want them, and not at all for nobody."""

from __future__ import annotations

from ringthru.switch.events.bus import EventBus
from ringthru.switch.events.names import TOLD

VARIABLES = {"hostname": "pbx1", "switchname": "pbx1", "local_ip_v4": "192.168.1.103", "local_ip_v6": "::1"}


def new_bus(describe=lambda channel, name: ()):
    return EventBus(VARIABLES, "c0de", describe)


class TestWhoListens:
    def test_nothing_is_wanted_until_somebody_asks_nor_when_he_has_left(self):
        bus = new_bus()
        subscription = bus.subscribe(lambda event: None)
        assert bus.wanted == frozenset()
        subscription.want({"NAT"})
        assert bus.wanted == {"NAT"}
        subscription.close()
        assert bus.wanted == frozenset()

    def test_all_stands_for_every_event_there_is(self):
        bus = new_bus()
        bus.subscribe(lambda event: None).want({"ALL"})
        assert bus.wanted >= TOLD

    def test_what_nobody_wants_is_not_even_described(self):
        described = []
        bus = new_bus(lambda channel, name: described.append(name) or ())
        heard = []
        bus.subscribe(heard.append).want({"NAT"})
        bus.tell("TRAP")
        assert heard == described == []

    def test_one_value_for_all_and_one_listeners_trouble_is_his_own(self, caplog):
        bus, first, last = new_bus(), [], []
        bus.subscribe(first.append).want({"NAT"})
        bus.subscribe(lambda event: 1 / 0).want({"NAT"})
        bus.subscribe(last.append).want({"NAT"})
        bus.tell("NAT", [("op", "add")])
        assert first[0] is last[0]
        assert "could not take the event NAT" in caplog.text


class TestWhatAllEventsSay:
    def test_the_headers_come_in_freeswitchs_order(self):
        bus, heard = new_bus(), []
        bus.subscribe(heard.append).want({"CUSTOM"})
        bus.custom("sofia::register", [("from-user", "1000")])
        bus.custom("sofia::register", [])
        assert [name for name, _ in heard[0].headers] == [
            *("Event-Subclass", "Event-Name", "Core-UUID", "FreeSWITCH-Hostname", "FreeSWITCH-Switchname"),
            *("FreeSWITCH-IPv4", "FreeSWITCH-IPv6", "Event-Date-Local", "Event-Date-GMT"),
            *("Event-Date-Timestamp", "Event-Calling-File", "Event-Calling-Function"),
            *("Event-Calling-Line-Number", "Event-Sequence", "from-user"),
        ]
        assert heard[0].get("Event-Calling-File") == "test_bus.py"
        assert heard[0].get("freeswitch-ipv4") == "192.168.1.103"
        assert [each.get("Event-Sequence") for each in heard] == ["1", "2"]
