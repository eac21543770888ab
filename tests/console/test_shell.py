"""The prompt, driven through a pipe instead of a terminal."""

from __future__ import annotations

import asyncio

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from ringthru.console.shell import HINT, PARTING_HINT, Shell


@pytest.fixture
def keys():
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


@pytest.fixture
def said():
    return []


@pytest.fixture
def shell(switch, table, said):
    return Shell(switch, table, write=said.append)


async def test_a_line_is_run_and_shutdown_ends_the_shell(switch, shell, keys, said):
    keys.send_text("hostname\rshutdown\r")
    await asyncio.wait_for(shell.run(), 30)
    assert said == ["pbx1", "+OK\n"]
    assert switch.asked == ["shutdown"]


async def test_the_history_is_what_was_typed(shell, keys, said):
    keys.send_text("hostname\r\rstatus;;version short\rhistory\rshutdown\r")
    await asyncio.wait_for(shell.run(), 20)
    assert said[-2] == "    1  hostname\n    2  status;;version short\n    3  history"


async def test_who_wants_to_leave_is_told_how(switch, shell, keys, said):
    keys.send_text("exit\r/quit\rshutdown\r")
    await asyncio.wait_for(shell.run(), 30)
    assert said == [PARTING_HINT, PARTING_HINT, "+OK\n"]


async def test_a_welcome_stands_above_the_first_prompt(switch, table, keys, said):
    keys.send_text("hostname\rshutdown\r")
    await asyncio.wait_for(Shell(switch, table, write=said.append, welcome="Hello.").run(), 30)
    assert said[:2] == ["Hello.", "pbx1"]


def test_tab_completes_the_last_command_from_the_table(shell):
    document = Document("status;;nat_map repu")
    (found,) = shell.completer().get_completions(document, CompleteEvent())
    assert (found.text, found.start_position) == ("republish", -4)


@pytest.mark.parametrize(
    ("key", "start"), [("\x1bOP", "Valid Commands:"), ("\x1bOQ", "UP 0 years"), ("\x1b[24~", "Ringthru")]
)
async def test_f_keys_run_freeswitchs_commands(shell, keys, said, key, start):
    """F1 help, F2 status, F12 version."""
    keys.send_text(f"{key}shutdown\r")
    await asyncio.wait_for(shell.run(), 30)
    assert said[0].lstrip("\n").startswith(start), said[0][:80]


async def test_ctrl_c_clears_a_line_and_twice_on_an_empty_one_stops(switch, shell, keys, said):
    keys.send_text("hupall\x03hostname\r\x03\x03")
    await asyncio.wait_for(shell.run(), 30)
    assert said == ["pbx1", HINT, "+OK\n"]
    assert switch.asked == ["shutdown"]


async def test_after_the_hint_a_command_goes_on_as_ever(switch, shell, keys, said):
    keys.send_text("\x04hostname\rshutdown\r")
    await asyncio.wait_for(shell.run(), 30)
    assert said == [HINT, "pbx1", "+OK\n"]


async def test_a_slow_command_leaves_the_prompt_free(switch, shell, keys, said, monkeypatch):
    monkeypatch.setattr("ringthru.console.shell.PATIENCE", 0.01)
    asked = asyncio.Event()

    async def originate(*_, **__):
        await asked.wait()
        return "+OK 7f4d"

    async def hang_up_all(cause):
        asked.set()
        return 1

    switch.originate, switch.hang_up_all = originate, hang_up_all
    keys.send_text("originate user/1000 &echo\rhupall\rshutdown\r")
    await asyncio.wait_for(shell.run(), 30)
    assert said[0] == "+OK hangup all channels with cause MANAGER_REQUEST\n"
    assert "+OK 7f4d\n" in said


async def test_the_history_is_kept_in_a_file_of_our_own(switch, table, keys, said, tmp_path):
    keys.send_text("hostname\rshutdown\r")
    past = tmp_path / "db" / "console.history"
    await asyncio.wait_for(Shell(switch, table, past, said.append).run(), 30)
    assert "+hostname\n" in past.read_text()
    assert past.stat().st_mode & 0o777 == 0o600
