"""Both consoles as people see them, on terminals: the switch's own, and ``ringthru cli`` beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ringthru
from ringthru.cli.link import WHERE_IT_IS
from ringthru.lab.namespaces.laboratory import PBX, Laboratory, Topology

from .switch_process import Switch, configuration, replace
from .terminal import Terminal

SOURCE = Path(ringthru.__file__).parents[1]
KEYS = '  <cli-keybindings>\n    <key name="4" value="version short"/>\n  </cli-keybindings>\n  <settings>\n'


def drawn_below(shown: str) -> bool:
    """Behind it there may be what the terminal is told of the cursor: a blank, and one step back."""
    return shown.rpartition("mind the gap")[2].replace("\n", "").rstrip(" \b").endswith("half a li")


class Desk:
    """A switch that serves, and clients of it."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.db = switch.directory / "db"

    def cli(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        environment = f"PYTHONPATH={SOURCE}"
        argv = ["env", environment, sys.executable, "-m", "ringthru", "cli", "--db", str(self.db), *arguments]
        return self.switch.laboratory.run(PBX, argv, check=False, text=text)

    def terminal(self, *arguments: str) -> Terminal:
        told = ["cli", "--db", str(self.db), *arguments]
        return Terminal(self.switch.laboratory, PBX, self.switch.directory, told)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Laboratory(Topology.NONE) as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"))
        switch.start()
        switch.wait_for_words("Event socket listens on 127.0.0.1:8021")
        yield Desk(switch)
        assert "Traceback" not in switch.words(), switch.words()


class TestOneCommand:
    def test_its_body_is_printed(self, desk: Desk) -> None:
        said = desk.cli("-x", "version short")
        assert (said.returncode, said.stdout, said.stderr) == (0, f"{ringthru.__version__}\n\n", "")

    def test_several_and_two_on_a_line(self, desk: Desk) -> None:
        said = desk.cli("-x", "echo one;;echo two", "-x", "echo three")
        assert said.stdout == "onetwo\nthree\n"

    def test_one_that_fails_is_told_by_the_exit_status(self, desk: Desk) -> None:
        said = desk.cli("-x", "originate")
        assert (said.returncode, said.stdout.startswith("-USAGE: <call url>")) == (1, True)
        assert desk.cli("-x", "what is this").stdout == "-ERR what Command not found!\n\n"

    def test_nobody_listens(self, desk: Desk) -> None:
        said = desk.cli("-P", "1", "-x", "status")
        assert (said.returncode, said.stderr) == (
            255,
            "ringthru cli: 127.0.0.1:1: nobody listens there: "
            "is the switch running, and its event socket at this address and port?\n",
        )

    def test_a_wrong_password(self, desk: Desk) -> None:
        said = desk.cli("-p", "guess", "-x", "status")
        assert (said.returncode, said.stderr) == (
            255,
            f"ringthru cli: 127.0.0.1:8021: the password is wrong{WHERE_IT_IS}\n",
        )

    def test_a_wrong_flag(self, desk: Desk) -> None:
        assert desk.cli("--what").returncode == 2

    def test_lines_of_a_pipe(self, desk: Desk) -> None:
        said = desk.cli(text="echo one\n\n/help\nhostname\n/quit\necho never\n")
        assert said.stdout.startswith("one\n/debug LEVEL")
        assert "never" not in said.stdout

    def test_batch_mode_runs_lines_without_a_prompt_beside_the_log(self, desk: Desk) -> None:
        terminal = desk.terminal("-b", "-l", "7")
        terminal.type_in("echo one\n")
        terminal.wait_for("one\n", times=2)  # the terminal's echo, and the answer
        terminal.type_in("log NOTICE mind the gap\n")
        terminal.wait_for("[NOTICE] small.py:")
        assert b"\x1b" not in terminal.shown
        assert "ringthru@" not in terminal.text
        terminal.type_in("/bye\n")
        assert terminal.end() == 0

    def test_what_the_client_does(self, desk: Desk) -> None:
        said = desk.cli("-d", "7", "-x", "echo one")
        assert said.stdout == "[INFO] Connected to 127.0.0.1:8021\n[DEBUG] SEND api echo one\none\n"

    def test_no_answer_in_time(self, desk: Desk) -> None:
        said = desk.cli("-t", "300", "-x", "originate sofia/internal/sip:nobody@127.0.0.99:9 &park")
        assert (said.returncode, said.stdout[:27]) == (1, "-ERR no answer within 300 m")


class TestThePromptOfTheClient:
    def test_a_session(self, desk: Desk) -> None:
        terminal = desk.terminal("-l", "7")
        terminal.wait_for("'/quit' leaves.")
        terminal.wait_for("ringthru@")
        terminal.type_in("nat_map republ\t")
        terminal.wait_for("republish")  # completed by the switch
        terminal.type_in("\r")
        terminal.wait_for("true")
        terminal.type_in("/event plain RELOADXML\r")
        terminal.wait_for("+OK event listener enabled plain")
        terminal.type_in("reloadxml\r")
        terminal.wait_for("+OK [Success]")
        terminal.wait_for("Event-Name: RELOADXML")
        terminal.wait_for("The configuration is reloaded from")  # a line of the log
        terminal.type_in("/nolog\r")
        terminal.wait_for("+OK no longer logging")
        terminal.type_in("/what\r")
        terminal.wait_for("Unknown command /what; /help lists")
        terminal.type_in("\x1bOQ")  # F2
        terminal.wait_for("session(s) since startup")
        terminal.type_in("\x1b[19~")  # F8
        terminal.wait_for("+OK log level debug [7]")
        terminal.type_in("console loglevel 4\r")
        terminal.wait_for("+OK log level 4 [4]")  # what this client is sent, in the word it asked with
        terminal.wait_for("+OK console log level set to WARNING")  # what the switch shows
        terminal.type_in("/logfilter gap\r")
        terminal.type_in("log ERR mind the gap\r")
        terminal.wait_for("[ERR] small.py:")
        terminal.wait_for_bytes(b"\x1b[31m2")  # red, from the date on
        terminal.type_in("/debug 7\r")
        terminal.wait_for("up to level 7")
        terminal.type_in("echo half")
        terminal.wait_for("echo half")  # between two prompts the terminal itself would take Ctrl-C
        terminal.type_in("\x03")
        terminal.type_in("echo a;;echo b\r")
        terminal.wait_for("[DEBUG] SEND api echo a;;echo b")
        terminal.wait_for("ab\n")
        terminal.type_in("\x1b[A\x1b[A\r")  # the last but one
        terminal.wait_for("up to level 7", times=2)
        terminal.type_in("\x03")
        terminal.wait_for("Type Ctrl-D, /exit, /quit or /bye to leave.")
        terminal.type_in("/bye\r")
        assert terminal.end() == 0
        assert "+nat_map republish" in (desk.switch.directory / "ringthru" / "cli.history").read_text()

    def test_an_interrupt_leaves_where_it_is_wanted(self, desk: Desk) -> None:
        terminal = desk.terminal("-i", "-q")
        terminal.wait_for("'/quit' leaves.")
        terminal.wait_for("ringthru@")
        terminal.type_in("\x03")
        assert terminal.end() == 0


class TestThePromptOfTheSwitch:
    def test_history_colours_and_the_log_above_the_prompt(self, tmp_path: Path) -> None:
        with Laboratory(Topology.NONE) as laboratory:
            tree = configuration(tmp_path, {})
            arguments = ["-conf", str(tree), "-db", str(tmp_path / "db"), "-nonat"]
            switch = Terminal(laboratory, PBX, tmp_path, arguments)
            switch.wait_for("Event socket listens on")
            switch.wait_for("ringthru@")
            switch.type_in("sched_api +1 none log ERR mind the gap\r")
            switch.wait_for("+OK Added: ")
            switch.type_in("half a li")
            switch.wait_for("[ERR] small.py:")
            switch.wait_for_bytes(b"\x1b[31m2")  # red, from the date on
            switch.wait_until(drawn_below, "the line that is being typed, drawn anew below it")
            switch.type_in("\x03console colorize off\r")
            switch.wait_for("+OK console color disabled")
            switch.type_in("log ERR in black\r")
            switch.wait_for("[ERR] small.py:", times=2)
            assert switch.shown.count(b"\x1b[31m2") == 1
            switch.type_in("console loglevel 0\r")
            switch.wait_for("+OK console log level set to CONSOLE")
            switch.type_in("log ERR unseen\recho seen\r")
            switch.wait_for("seen\n", times=2)
            assert switch.text.count("[ERR] small.py:") == 2
            switch.type_in("\x1b[A\r")  # the last line again
            switch.wait_for("seen\n", times=3)
            switch.type_in("...\r")
            assert switch.end() == 0
            again = Terminal(laboratory, PBX, tmp_path, arguments)
            again.wait_for("Event socket listens on")
            again.wait_for("ringthru@")
            again.type_in("\x1b[A\x1b[A\r")  # before the dots, of the run before
            again.wait_for("seen\n")
            again.type_in("shutdown\r")
            assert again.end() == 0

    def test_a_session_and_a_client_that_connects_again(self, tmp_path: Path) -> None:
        with Laboratory(Topology.NONE) as laboratory:
            tree = configuration(tmp_path, {})
            replace(tree / "autoload_configs" / "switch.conf.xml", "  <settings>\n", KEYS)
            arguments = ["-conf", str(tree), "-db", str(tmp_path / "db"), "-nonat"]
            switch = Terminal(laboratory, PBX, tmp_path, arguments)
            switch.wait_for("Event socket listens on")
            client = Terminal(laboratory, PBX, tmp_path, ["cli", "--db", str(tmp_path / "db"), "-R", "-q"])
            client.wait_for("'/quit' leaves.")
            switch.type_in("sofia status prof\t")
            switch.wait_for("status profile")
            switch.type_in(" internal\r")
            switch.wait_for("Challenge Realm")
            switch.type_in("alias add nm nat_map;;echo two\r")
            switch.wait_for("two\n")
            switch.type_in("nm explain 198.51.100.7\r")
            switch.wait_for("internal")
            switch.type_in("\x1bOS")  # F4, as switch.conf has it
            switch.wait_for(f"{ringthru.__version__}\n")
            switch.type_in("\x04")
            switch.wait_for("Type 'shutdown' to stop the switch")
            switch.type_in("shutdown\r")
            assert switch.end() == 0
            client.wait_for("The connection is lost: ")
            again = Terminal(laboratory, PBX, tmp_path, arguments)
            client.wait_for("Connected again to ")
            client.type_in("fsctl shutdown\r")
            client.wait_for("+OK")
            assert again.end() == 0
            client.wait_for("The connection is lost: ", times=2)
            client.type_in("\x04")
            assert client.end() == 0
