"""Clients of the event socket that nobody here wrote, against the running switch.

greenswitch, Genesis and FreeSWITCH's own library in C, inbound and outbound, and a Prometheus exporter: as
they come from PyPI, in an environment of their own (``clients.txt``), which ``make`` makes; and modesl, as it
comes from npm (``clients/package.json``).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from .node_programs import node
from .switch_process import Switch

PYTHON = Path(sys.prefix) / "clients" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "clients"
MISSING = f"the clients are not installed in {PYTHON.parents[1]}: make unit does it, where this Python can"


class Clients:
    """Runs one client beside the switch."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._password = (switch.directory / "db" / "event_socket_password").read_text().strip()

    def run(self, script: str, *arguments: str) -> str:
        return self._run([str(PYTHON)], script, *arguments)

    def run_node(self, script: str, *arguments: str) -> str:
        return self._run(node(), script, *arguments)

    def _run(self, runner: list[str], script: str, *arguments: str) -> str:
        argv = [*runner, str(SCRIPTS / script), "127.0.0.1", "8021", self._password, *arguments]
        try:
            return self._switch.laboratory.run(PBX, argv, timeout=60).stdout
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{error.stdout}\n{error.stderr}\n{self._switch.words()}") from error


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail(f"required here: {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"))
        switch.start()
        switch.wait_until_mapped()
        switch.wait_for_words("Event socket listens on 127.0.0.1:8021")
        yield Clients(switch)
        assert "Traceback" not in switch.words(), switch.words()


def test_greenswitch_runs_commands_and_hears_of_mappings_calls_and_the_log(clients: Clients) -> None:
    assert clients.run("greenswitch_inbound.py").endswith("done\n")


def test_greenswitch_gets_a_call_and_lingers(clients: Clients) -> None:
    assert clients.run("greenswitch_outbound.py", "8084").endswith("done\n")


def test_genesis_inbound_consumer_and_outbound(clients: Clients) -> None:
    assert clients.run("genesis_all.py", "8085").endswith("done\n")


def test_freeswitchs_own_library_as_its_console_uses_it(clients: Clients) -> None:
    assert clients.run("libesl_inbound.py").endswith("done\n")


def test_freeswitchs_own_library_gets_a_call(clients: Clients) -> None:
    assert clients.run("libesl_outbound.py", "8086").endswith("done\n")


def test_modesl_of_node_js_inbound_and_outbound(clients: Clients) -> None:
    assert clients.run_node("modesl_all.js", "8087").endswith("done\n")


def test_an_exporter_reads_the_switch(clients: Clients) -> None:
    found = dict(re.findall(r"^(freeswitch_\w+)(?:\{.*\})? (\S+)$", clients.run("exporter.py"), re.MULTILINE))
    assert found["freeswitch_up"] == "1.0"
    assert found["freeswitch_info"] == "1.0"
    assert found["freeswitch_session_limit"] == "1000.0"
    assert float(found["freeswitch_session_total"]) >= 1


def test_prometheus_asks_the_switch_itself(clients: Clients) -> None:
    fetched = "u.urlopen('http://127.0.0.1:9282/metrics', timeout=30).read().decode()"
    asked = f"import urllib.request as u; print({fetched})"
    text = clients._switch.laboratory.run(PBX, [sys.executable, "-c", asked]).stdout
    assert re.search(r"^freeswitch_max_sessions 1000$", text, re.MULTILINE)
    assert re.search(r'^ringthru_nat_gateway_up\{hop="0"\} 1$', text, re.MULTILINE)


def test_the_port_is_for_this_machine_alone_and_on_no_gateway(clients: Clients) -> None:
    switch = clients._switch
    listening = switch.laboratory.run(PBX, ["ss", "-tlnH"]).stdout
    assert re.findall(r"\S+:8021\b", listening) == ["127.0.0.1:8021"]
    assert all(rule.internal_port != 8021 for rule in switch.laboratory.nat_rules())
