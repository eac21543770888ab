"""From the start to the clean stop, and the console that is not a terminal."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import subprocess
import sys

import pytest

from ringthru.console.plain import plain_console, run_line
from ringthru.console.serve import hung_up, serve, words_for
from ringthru.net.sockets import PortInUse


@pytest.fixture
def running(switch):
    """The fake switch, made startable."""
    end = asyncio.Event()

    async def start():
        switch.asked.append("start")

    async def stop():
        switch.asked.append("stop")

    def request_shutdown():
        switch.asked.append("shutdown")
        end.set()

    switch.start, switch.stop, switch.until_shutdown = start, stop, end.wait
    switch.request_shutdown = request_shutdown
    return switch


class TestServe:
    async def test_a_shutdown_from_the_console_stops_cleanly(self, running, table):
        await serve(running, plain_console(running, table, io.StringIO("shutdown\n")))
        assert running.asked == ["start", "shutdown", "stop"]

    @pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    async def test_a_signal_stops_cleanly(self, running, which):
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), which)
        await serve(running)
        assert running.asked == ["start", "shutdown", "stop"]

    async def test_a_hang_up_is_what_it_was_said_to_be_where_there_is_no_terminal(self, running, logs):
        heard = running.bus.subscribe(
            lambda event: running.asked.append(dict(event.headers)["Trapped-Signal"])
        )
        heard.want({"TRAP"})

        def hang_up():
            hung_up(running, logs)
            running.request_shutdown()

        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGHUP)
        await serve(running, on_hang_up=hang_up)
        assert running.asked == ["start", "HUP", "shutdown", "stop"]

    async def test_the_end_of_the_input_ends_only_the_reading(self, running, table):
        async def console():
            await plain_console(running, table, io.StringIO(""))
            running.asked.append("input ended")
            running.request_shutdown()

        await serve(running, console())
        assert running.asked == ["start", "input ended", "shutdown", "stop"]

    async def test_a_console_that_waits_for_input_does_not_hold_up_the_stop(self, running, table):
        reading, writing = os.pipe()
        with os.fdopen(reading) as stream, os.fdopen(writing, "w"):
            task = asyncio.create_task(serve(running, plain_console(running, table, stream)))
            await asyncio.sleep(0)
            running.request_shutdown()
            await asyncio.wait_for(task, 30)
        assert running.asked[-1] == "stop"

    async def test_a_console_that_breaks_leaves_the_switch_serving(self, running, caplog):
        async def broken():
            asyncio.get_running_loop().call_soon(running.request_shutdown)
            raise RuntimeError("no terminal")

        await serve(running, broken())
        assert running.asked == ["start", "shutdown", "stop"]
        assert "ended; the switch keeps serving" in caplog.text

    async def test_a_failed_start_is_cleaned_up_and_passed_on(self, running, table):
        async def start():
            raise PortInUse(errno.EADDRINUSE, "UDP port 127.0.0.1:5060 is already in use by asterisk (pid 7)")

        running.start = start
        with pytest.raises(PortInUse) as caught:
            await serve(running, plain_console(running, table, io.StringIO("")))
        assert words_for(caught.value) == "UDP port 127.0.0.1:5060 is already in use by asterisk (pid 7)"
        assert running.asked == ["stop"]


class TestPlainConsole:
    async def test_lines_are_run_in_order_and_answers_end_with_a_line_break(self, switch, table, capsys):
        await plain_console(switch, table, io.StringIO("hostname;;version\n\nnonsense\nnat_map republish\n"))
        assert capsys.readouterr().out == (
            "pbx1\nRingthru Version 0.1.0 (0.1.0)\n\nUnknown Command: nonsense\ntrue\n"
        )

    async def test_a_face_may_collect_the_answers_itself(self, switch, table):
        answers = []
        await run_line(switch, table, "hostname;;uptime", answers.append)
        assert answers == ["pbx1", "5\n"]


class TestWords:
    def test_an_error_about_a_file_names_the_file(self):
        error = FileNotFoundError(errno.ENOENT, "No such file or directory", "/etc/x")
        assert words_for(error) == "/etc/x: No such file or directory"

    def test_an_error_without_words_still_has_a_name(self):
        assert words_for(OSError()) == "OSError"


WAITS = (  # for its first use, after the switch serves: the start is a budget of 0.2 s
    "prompt_toolkit",
    "rich",
    "argparse",
    "datetime",
    "http.client",
    "json",
    "logging.handlers",
    "platform",
    "urllib.request",
    "uuid",
    "xml.etree",
    "ringthru.console.commands",
    "ringthru.console.plain",
    "ringthru.console.shell",
    "ringthru.console.standard",
    "ringthru.lab",
    "ringthru.portmap.drivers.http_driver",
    "ringthru.portmap.gateway.igd",
    "ringthru.portmap.wire.xml_salvage",
    "ringthru.switch.configuration.trunk_settings",
    "ringthru.switch.registrations.pinger",
    "ringthru.switch.registrations.store",
    "ringthru.switch.trunks",
)


@pytest.mark.parametrize("module", WAITS)
def test_the_start_does_not_load(module, loaded_at_the_start):
    assert module not in loaded_at_the_start


@pytest.fixture(scope="module")
def loaded_at_the_start():
    """The modules that the entry point imports on the way to a switch that serves."""
    program = (
        "import sys, ringthru.__main__, ringthru.switch_process, ringthru.switch.switch;"
        "import ringthru.console.logs, ringthru.console.serve;"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_search_for_a_gateway_begins_before_the_switch_is_loaded(tmp_path):
    program = (
        "import sys; from ringthru.portmap import PortMapper; from ringthru.__main__ import main;"
        "PortMapper.start = lambda self: sys.exit('ringthru.switch.switch' in sys.modules);"
        f"main(['-nc', '-nf', '-db', {str(tmp_path)!r}]); sys.exit('it never began')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_signal_that_comes_while_the_switch_is_loaded_ends_it_cleanly(tmp_path):
    program = (
        "import asyncio, os, signal, sys; from ringthru.portmap import PortMapper;"
        "from ringthru.switch.switch import Switch; from ringthru.__main__ import main;"
        "PortMapper.start = lambda self: os.kill(os.getpid(), signal.SIGTERM);"
        "Switch.start = lambda self: asyncio.sleep(0);"
        f"sys.exit(main(['-nc', '-nf', '-db', {str(tmp_path)!r}]))"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_configuration_that_is_missing_is_one_line_after_the_search_has_begun(tmp_path):
    program = (
        "import sys; from ringthru.portmap import PortMapper; from ringthru.__main__ import main;"
        "PortMapper.start = lambda self: None;"
        f"sys.exit(main(['-nc', '-nf', '-db', {str(tmp_path)!r}, '-conf', {str(tmp_path / 'none')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["ringthru"]
