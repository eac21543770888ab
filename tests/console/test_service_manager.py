"""The line that systemctl status shows, and whom it goes to."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ringthru.console.flags import read_flags
from ringthru.console.service_manager import ServiceManager, status_line
from ringthru.net.values import replace
from ringthru.switch.snapshots import MappingState

UNIT = Path(__file__).parents[2] / "docs" / "guide" / "examples" / "ringthru.service"


class TestTheLine:
    def test_gateway_address_and_what_was_granted(self, switch, a_mapping):
        held = a_mapping(5060)
        rows = (held, replace(held, state=MappingState.REFUSED))
        mapper = replace(switch.shown.mapper, external_address="203.0.113.9", mappings=rows)
        line = status_line(replace(switch.shown, mapper=mapper))
        assert re.fullmatch(r"\S+ 203\.0\.113\.9, 1 mapping, 1 refused", line)
        off = replace(mapper, mapping_enabled=False)
        assert status_line(replace(switch.shown, mapper=off)).endswith("203.0.113.9, mapping off (-nonatmap)")
        double = replace(mapper, external_address=None, reported_address="192.168.0.7")
        assert "192.168.0.7 (no public address)" in status_line(replace(switch.shown, mapper=double))

    def test_without_a_gateway_what_is_served(self, switch, no_gateway):
        searching = replace(no_gateway, verdict_known=False)
        shown = [status_line(replace(switch.shown, mapper=each)) for each in (None, no_gateway, searching)]
        assert [line.partition(",")[0] for line in shown] == [
            *("NAT off (-nonat)", "no NAT gateway found", "looking for a NAT gateway"),
        ]


class TestWhoListens:
    def test_nobody_without_a_socket_and_nothing_is_said(self):
        manager = ServiceManager({"WATCHDOG_USEC": "1000000"})
        manager.tell("READY=1")
        assert not manager.listens
        assert manager.watchdog is None

    @pytest.mark.parametrize(
        ("usec", "pid", "seconds"),
        [("3000000", "", 3.0), ("3000000", "our own", 3.0), ("3000000", "1", None), ("x", "", None),
         ("0", "", None)],
    )  # fmt: skip
    def test_the_watchdog_is_for_the_process_it_names(self, usec, pid, seconds):
        named = str(os.getpid()) if pid == "our own" else pid
        told = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": named}
        assert ServiceManager(told).watchdog == seconds

    def test_a_manager_that_is_gone_harms_nobody(self, tmp_path):
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("READY=1")


class TestTheUnit:
    def test_starts_with_flags_that_exist(self):
        (command,) = re.findall(r"^ExecStart=\S+ (.*)$", UNIT.read_text(), re.MULTILINE)
        options = read_flags(command.split())
        assert (options.console, options.background, options.run) == (False, False, Path("/run/ringthru"))

    def test_is_shown_on_the_page_as_it_is(self):
        assert UNIT.read_text() in (UNIT.parents[1] / "service.md").read_text()
