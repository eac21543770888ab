"""Voicemail as callers and owners meet it: the default tree, whole calls, real files."""

from __future__ import annotations

import os
import sqlite3
import wave
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.sip import Login, Request

from .answering import keyed, short_prompts
from .events import Ear
from .hearing import hears_tone, humming, write_wav
from .home import DEFAULT, DIRECTORY, PASSWORD, PUBLIC, Edit, Home, extension
from .phones import Phone, PhoneCall
from .waiting import eventually

VOICEMAIL = "autoload_configs/voicemail.conf.xml"
PIN = "47110815"
BEEP = 640.0  # Hz


def param(name: str, value: str) -> Edit:
    """Another value in voicemail.conf; of two with one name the later holds."""
    return lambda text: text.replace("</profile>", f'<param name="{name}" value="{value}"/></profile>')


def with_pin(text: str) -> str:
    """User 1000 has a PIN."""
    return text.replace(
        '<user id="1000">', f'<user id="1000"><params><param name="vm-password" value="{PIN}"/></params>'
    )


def of_user(name: str, value: str) -> Edit:
    return lambda text: text.replace(
        '<user id="1000">', f'<user id="1000"><params><param name="{name}" value="{value}"/></params>'
    )


QUICK: list[Edit] = [param("min-record-len", "0"), param("tone-spec", "tone_stream://%(800,0,640)")]
SKIPPED: Edit = lambda text: text.replace(  # noqa: E731  # greeting and instructions take their time
    '<action application="voicemail" data="default',
    '<action application="set" data="skip_greeting=true"/>'
    '<action application="set" data="skip_instructions=true"/>'
    '<action application="voicemail" data="default',
)


@pytest.fixture
def mailing(found: Any) -> Any:
    """A home whose voicemail begins with the tone: ``await mailing(edits)``."""

    async def make(edits: dict[str, Any] | None = None) -> Home:
        whole: dict[str, Any] = {DEFAULT: SKIPPED, VOICEMAIL: list(QUICK), DIRECTORY: with_pin}
        for name, edit in (edits or {}).items():
            before = whole.get(name, [])
            whole[name] = [*(before if isinstance(before, list) else [before]), *edit]
        home: Home = await found(whole)
        short_prompts(home)
        await home.switch.start()
        return home

    return make


def told(phone: Phone) -> list[bytes]:
    """The bodies of NOTIFYs outside dialogs, which a scripted phone hears and declines."""
    return [each.partition(b"\r\n\r\n")[2] for each in phone.heard if each.startswith(b"NOTIFY ")]


def domain(home: Home) -> str:
    name = home.switch.calls.directory.default_domain
    assert name is not None
    return name


async def asked(home: Home, logs: Logs, line: str) -> str:
    return await standard_table(logs).run(home.switch, line.replace("DOMAIN", domain(home)))


async def leave(home: Home, *, number: str = "1000", hum: float = 500.0, end: str = "#") -> PhoneCall:
    """1001 calls 1000, whom nobody answers for, and leaves a hum."""
    caller = home.lan_phone("1001")
    call = caller.invite(number, home.internal, password=PASSWORD)
    await call.answered()
    await hears_tone(call, BEEP)
    async with humming(call, hum):
        await eventually(lambda: written(home, ".part") > 6000, "nothing is written")
        if end:
            call.press(end)
        else:
            call.hang_up()
        await eventually(lambda: files(home, "msg_*.wav"), "no message")
    return call


def files(home: Home, pattern: str) -> list[Path]:
    return sorted((home.folder / "db" / "storage" / "voicemail").glob(f"**/{pattern}"))


def written(home: Home, ending: str) -> int:
    return sum(each.stat().st_size for each in files(home, f"msg_*{ending}"))


class TestLeaving:
    async def test_who_is_not_registered_finds_a_message(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        ear = Ear(home.switch, "CUSTOM", "MESSAGE_WAITING")
        call = await leave(home)
        event = await ear.until("vm::maintenance", lambda each: each.get("VM-Action") == "leave-message")
        assert (event.get("VM-User"), event.get("VM-Caller-ID-Number")) == ("1000", "1001")
        waiting = await ear.until("MESSAGE_WAITING")
        assert waiting.get("MWI-Voice-Message") == "1/0 (0/0)"
        assert waiting.get("MWI-Message-Account") == f"1000@{domain(home)}"
        await call.over()
        (path,) = files(home, "msg_*.wav")
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
            assert file.getnframes() > 2000
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "1"
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN|all") == "1:0:0:0"

    async def test_a_caller_who_just_hangs_up_left_it_as_well(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home, end="")
        await home.quiet()
        assert len(files(home, "msg_*.wav")) == 1

    @pytest.mark.parametrize("status", [486, 480, 603])
    async def test_busy_and_declined(self, mailing: Any, status: int) -> None:
        home = await mailing()
        phone = await home.registered_phone("1000")
        caller = home.lan_phone("1001")
        call = caller.invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).reject(status)
        await call.answered()
        await hears_tone(call, BEEP)

    async def test_nobody_answers(self, mailing: Any) -> None:
        home = await mailing({DEFAULT: [lambda text: text.replace("call_timeout=30", "call_timeout=1")]})
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.ring()
        await call.answered()
        await rung.over()
        await hears_tone(call, BEEP)

    async def test_a_number_that_nobody_has_is_no_box(self, mailing: Any) -> None:
        home = await mailing()
        call = home.lan_phone("1001").invite("1050", home.internal, password=PASSWORD)
        assert (await call.refused()).status in (404, 480)
        assert not files(home, "*.part")

    async def test_silence_ends_it_and_is_no_message(self, mailing: Any) -> None:
        home = await mailing({VOICEMAIL: [param("record-silence-hits", "1")]})
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        assert not files(home, "msg_*")

    async def test_the_longest_there_may_be(self, mailing: Any) -> None:
        home = await mailing({VOICEMAIL: [param("max-record-len", "1")]})
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, BEEP)
        async with humming(call, 500.0):
            await call.over()
        (path,) = files(home, "msg_*.wav")
        with wave.open(str(path)) as file:
            assert file.getnframes() <= 8000

    async def test_too_short_is_none(self, mailing: Any) -> None:
        home = await mailing({VOICEMAIL: [param("min-record-len", "60")]})
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, BEEP)
        async with humming(call, 500.0):
            await eventually(lambda: written(home, ".part") > 6000)
            call.hang_up()
        await home.quiet()
        assert not files(home, "msg_*")

    async def test_a_full_box_takes_no_more(self, mailing: Any, caplog: pytest.LogCaptureFixture) -> None:
        home = await mailing({VOICEMAIL: [param("max-messages", "1")]})
        await leave(home)
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        assert "max-messages" in caplog.text
        assert len(files(home, "msg_*")) == 1

    async def test_seconds_and_megabytes_are_bounded_too(self, mailing: Any) -> None:
        home = await mailing({DIRECTORY: [of_user("vm-disk-quota", "0")]})
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        assert not files(home, "msg_*")

    async def test_a_stranger_only_where_the_dialplan_lets_him(self, mailing: Any) -> None:
        home = await mailing()
        call = home.lan_phone("mallory").invite("1000", home.external)
        assert (await call.refused()).status == 404

    async def test_where_it_does_a_stranger_can(self, mailing: Any) -> None:
        home = await mailing(
            {
                PUBLIC: [
                    extension("1000", ("set", "skip_greeting=true"), ("voicemail", "default $${domain} 1000"))
                ]
            }
        )
        call = home.lan_phone("mallory").invite("1000", home.external)
        await call.answered()
        await hears_tone(call, BEEP)

    async def test_as_freeswitchs_own_dialplan_writes_it(self, mailing: Any, logs: Logs) -> None:
        """``bridge`` to ``loopback/app=voicemail:…``: an application in a leg of its own."""
        spared = "{skip_greeting=true,skip_instructions=true}"
        string = f"{spared}loopback/app=voicemail:default ${{domain_name}} 1000"
        home = await mailing({DEFAULT: [extension("77", ("answer", ""), ("bridge", string))]})
        call = await leave(home, number="77")
        await eventually(lambda: len(files(home, "msg_*.wav")) == 1)
        assert ":1001:" in await asked(home, logs, "vm_list 1000@DOMAIN")
        call.hang_up()

    async def test_who_has_none(self, mailing: Any) -> None:
        home = await mailing({DIRECTORY: [of_user("vm-enabled", "false")]})
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        assert not files(home, "*")


class TestHearing:
    async def test_own_messages_need_no_pin(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        call = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 900.0)
        call.press("7")
        await eventually(lambda: not files(home, "msg_*.wav"), "it is not deleted")
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN|all") == "0:0:0:0"

    async def test_saved_and_heard_again(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        call = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 900.0)
        call.press("1")
        call.audio.heard.clear()
        await hears_tone(call, 900.0)
        call.press("2")
        ear = Ear(home.switch, "MESSAGE_WAITING")
        await ear.until("MESSAGE_WAITING", lambda each: each.get("MWI-Messages-Waiting") == "no")
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN|all") == "0:1:0:0"

    async def test_who_skips_one_finds_it_new_again(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        call = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 900.0)
        call.press("3#")
        await eventually(lambda: call.audio.heard)
        call.hang_up()
        await home.quiet()
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN|all") == "1:0:0:0"

    async def test_from_any_phone_with_number_and_pin(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        call = home.lan_phone("1002").invite("*98", home.internal, password=PASSWORD)
        await call.answered()
        await keyed(home, call, f"1000#{PIN}#")
        await hears_tone(call, 900.0)

    async def test_guesses_end_and_lock_the_box(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        for _ in range(4):
            call = home.lan_phone("1002").invite("4000", home.internal, password=PASSWORD)
            await call.answered()
            await keyed(home, call, "1000#1#1000#2#1000#3#")
            await call.over()
        right = home.lan_phone("1002").invite("4000", home.internal, password=PASSWORD)
        await right.answered()
        await keyed(home, right, f"1000#{PIN}#1000#{PIN}#1000#{PIN}#")
        await right.over()
        own = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await own.answered()
        await hears_tone(own, 900.0)  # his own phone is let in all the same

    async def test_a_box_without_a_pin_opens_to_nobody_else(self, mailing: Any) -> None:
        home = await mailing()
        call = home.lan_phone("1002").invite("*98", home.internal, password=PASSWORD)
        await call.answered()
        await keyed(home, call, "1001##1001##1001##")
        await call.over()

    async def test_a_greeting_of_ones_own(self, mailing: Any) -> None:
        home = await mailing(
            {DEFAULT: [lambda text: text.replace("skip_greeting=true", "skip_greeting=false")]}
        )
        owner = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await owner.answered()
        owner.press("51")
        await hears_tone(owner, BEEP)
        async with humming(owner, 1200.0):
            await eventually(
                lambda: sum(each.stat().st_size for each in files(home, "greeting_1.part")) > 12000
            )
            owner.press("#")
            await eventually(lambda: files(home, "greeting_1.wav"))
        owner.hang_up()
        call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 1200.0)


class TestChangingThePin:
    async def test_the_new_one_opens_the_box_and_the_old_one_does_not(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home, hum=900.0)
        ear = Ear(home.switch, "CUSTOM")
        owner = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await owner.answered()
        await hears_tone(owner, 900.0)
        await keyed(home, owner, "#5683019#83019#")
        await ear.until("vm::maintenance", lambda each: each.get("VM-Action") == "change-password")
        owner.hang_up()
        other = home.lan_phone("1002").invite("*98", home.internal, password=PASSWORD)
        await other.answered()
        await keyed(home, other, f"1000#{PIN}#1000#83019#")
        await ear.until("vm::maintenance", lambda each: each.get("VM-Auth-Result") == "success")
        verdicts = [each.get("VM-Auth-Result") for each in ear.heard]
        assert [each for each in verdicts if each] == ["fail", "success"]

    @pytest.mark.parametrize("keys", ["1234#", "83019#83018#"])
    async def test_neither_an_easy_one_nor_a_slip_changes_anything(self, mailing: Any, keys: str) -> None:
        home = await mailing({VOICEMAIL: [param("max-login-attempts", "1")]})
        ear = Ear(home.switch, "CUSTOM")
        owner = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await owner.answered()
        await keyed(home, owner, f"56{keys}0#")
        await owner.over()
        other = home.lan_phone("1002").invite("*98", home.internal, password=PASSWORD)
        await other.answered()
        await keyed(home, other, f"1000#{PIN}#")
        await ear.until("vm::maintenance", lambda each: each.get("VM-Auth-Result") == "success")


class TestCommands:
    async def test_texts(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        await leave(home)
        (path,) = files(home, "msg_*.wav")
        uuid = path.stem.removeprefix("msg_")
        line = await asked(home, logs, "vm_list 1000@DOMAIN")
        created, read, user, where, folder, rest = line.rstrip("\n").split(":", 5)
        assert (int(created) > 0, read, user, where, folder) == (True, "0", "1000", domain(home), "inbox")
        assert rest.startswith(f"{path}:{uuid}:")
        assert f"<uuid>{uuid}</uuid>" in await asked(home, logs, "vm_list 1000@DOMAIN/default xml")
        assert await asked(home, logs, f"vm_read 1000@DOMAIN read {uuid}") == "+OK\n"
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN|saved") == "1"
        assert await asked(home, logs, "vm_read 1000@DOMAIN unread") == "+OK\n"
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "1"
        assert await asked(home, logs, f"vm_delete 1000@DOMAIN {uuid}") == "+OK\n"
        assert await asked(home, logs, "vm_list 1000@DOMAIN") == ""
        assert not files(home, "msg_*")

    async def test_what_they_cannot_mean(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        nobody = "-ERR can't find user or profile.\n"
        assert await asked(home, logs, "vm_list") == "Usage: <id>@<domain>[/profile] [xml]\n"
        assert await asked(home, logs, "vm_list 4711@DOMAIN") == nobody
        assert await asked(home, logs, "vm_list 1000@DOMAIN/other") == nobody
        assert await asked(home, logs, "vm_delete 1000") == nobody
        assert await asked(home, logs, "vm_read 1000@DOMAIN perhaps") == nobody
        assert await asked(home, logs, "vm_boxcount 4711@DOMAIN") == "0"


class TestInjecting:
    """``voicemail_inject``: a sound as a message, without a call."""

    SOUND = "digits/7.wav"

    @pytest.mark.parametrize(
        ("who", "users"),
        [
            ("1000", ["1000"]),
            ("1001@DOMAIN", ["1001"]),
            ("group=default", ["1000", "1001", "1002", "1003"]),
            ("domain=DOMAIN", ["1000", "1001", "1002", "1003"]),
        ],
    )
    async def test_a_message_for_one_for_a_group_for_all(
        self, mailing: Any, logs: Logs, who: str, users: list[str]
    ) -> None:
        home = await mailing()
        ear = Ear(home.switch, "CUSTOM")
        assert await asked(home, logs, f"voicemail_inject {who} {self.SOUND} 4711 'Head office'") == "+OK\n"
        left = [each for each in ear.heard if each.get("VM-Action") == "leave-message"]
        assert [each.get("VM-User") for each in left] == users
        assert {each.get("VM-Caller-ID-Name") for each in left} == {"Head office"}
        assert await asked(home, logs, f"vm_boxcount {users[0]}@DOMAIN") == "1"
        assert ":4711:" in await asked(home, logs, f"vm_list {users[0]}@DOMAIN")

    async def test_it_is_heard_like_any_other(self, mailing: Any, logs: Logs, tmp_path: Path) -> None:
        home = await mailing()
        write_wav(tmp_path / "news.wav", 2.0, 900.0)
        assert await asked(home, logs, f"vm_inject 1000 {tmp_path / 'news.wav'}") == "+OK\n"
        call = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 900.0)

    async def test_what_cannot_be_left(self, mailing: Any, logs: Logs) -> None:
        home = await mailing({VOICEMAIL: [param("max-messages", "1")]})
        nobody = "-ERR can't find user or profile.\n"
        assert (await asked(home, logs, "voicemail_inject")).startswith("Usage: [group=<group>[@domain]|")
        for who in (
            "4711",
            "group=nobody",
            "domain=nowhere.example",
            "domain=",
            "kind=x",
            "1000@nowhere.example",
        ):
            assert await asked(home, logs, f"vm_inject {who} {self.SOUND}") == nobody
        assert (await asked(home, logs, "vm_inject 1000 ../secret.wav")).startswith(
            "-ERR '../secret.wav' is no path"
        )
        assert (await asked(home, logs, "vm_inject 1000 nothing.wav")).startswith("-ERR cannot read ")
        assert await asked(home, logs, f"vm_inject 1001 {self.SOUND}") == "+OK\n"
        said = await asked(home, logs, f"vm_inject group=default {self.SOUND}")
        assert said.startswith("-ERR the box of 1001@")
        assert await asked(home, logs, "vm_boxcount 1002@DOMAIN") == "1"
        assert not files(home, "*.part")


class TestByMail:
    """``vm-mailto`` and its kin, and a program called sendmail that writes mails into files."""

    @pytest.fixture
    def mailer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Makes the program, whose end is as given."""
        folder, script = tmp_path / "mails", tmp_path / "bin" / "sendmail"
        folder.mkdir()
        script.parent.mkdir()
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")

        def make(end: str) -> None:
            taking = f"cat > {folder}/$$.part && mv {folder}/$$.part {folder}/$$.mail"
            script.write_text(f"#!/bin/sh\n{taking}\n{end}\n")
            script.chmod(0o755)

        make("exit 0")
        return make

    @pytest.fixture
    def mails(self, mailer: Any, tmp_path: Path) -> Callable[[], list[Message]]:
        """What the program was given so far."""
        return lambda: [
            message_from_bytes(each.read_bytes(), policy=default)
            for each in sorted((tmp_path / "mails").glob("*.mail"))
        ]

    def wants(self, **params: str) -> dict[str, Any]:
        named = {
            "vm-mailto": "anna@example.org",
            **{name.replace("_", "-"): each for name, each in params.items()},
        }
        return {DIRECTORY: [of_user(*each) for each in named.items()]}

    async def test_a_message_comes_with_its_sound_and_stays(
        self, mailing: Any, mails: Any, logs: Logs
    ) -> None:
        home = await mailing(self.wants(vm_email_all_messages="true"))
        await leave(home)
        (mail,) = await eventually(mails, "no mail")
        assert (mail["To"], mail["From"]) == ("anna@example.org", f"1000@{domain(home)}")
        (path,) = files(home, "msg_*.wav")
        assert [each.get_content() for each in mail.iter_attachments()] == [path.read_bytes()]
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "1"

    async def test_it_goes_from_the_box_once_the_mailer_took_it(
        self, mailing: Any, mails: Any, logs: Logs
    ) -> None:
        home = await mailing(self.wants(vm_email_all_messages="true", vm_keep_local_after_email="false"))
        await leave(home)
        assert await eventually(mails, "no mail")
        await eventually(lambda: not files(home, "msg_*.wav"), "it stays")
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "0"

    async def test_and_not_where_it_did_not(
        self, mailing: Any, mailer: Any, logs: Logs, caplog: pytest.LogCaptureFixture
    ) -> None:
        mailer("echo 'queue full' >&2; exit 75")
        home = await mailing(self.wants(vm_email_all_messages="true", vm_keep_local_after_email="false"))
        await leave(home)
        await eventually(lambda: "ended with 75 (queue full)" in caplog.text, "it is not said")
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "1"

    async def test_who_presses_4_gets_that_one(self, mailing: Any, mails: Any) -> None:
        home = await mailing(self.wants())
        await leave(home, hum=900.0)
        assert mails() == []
        call = home.lan_phone("1000").invite("*97", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 900.0)
        call.press("4")
        assert await eventually(mails, "no mail")

    async def test_a_template_of_the_configuration(self, mailing: Any, mails: Any) -> None:
        email = '<email><param name="template-file" value="vars.xml"/>'
        email += '<param name="email-from" value="pbx@x.org"/>'
        edit: Edit = lambda text: text.replace("</profile>", f"{email}</email></profile>")  # noqa: E731
        home = await mailing({**self.wants(vm_email_all_messages="true"), VOICEMAIL: [edit]})
        (home.folder / "conf" / "vars.xml").write_text(
            "Subject: From ${voicemail_caller_id_number}\n\nCall back.\n"
        )
        await leave(home)
        (mail,) = await eventually(mails, "no mail")
        assert (mail["Subject"], mail["From"]) == ("From 1001", "pbx@x.org")
        assert mail.get_body().get_content() == "Call back.\n"


class TestAfterAKill:
    async def test_what_was_half_done_is_put_right(self, mailing: Any, logs: Logs) -> None:
        """What was being spoken goes, a file without a row is found again, a row without a file is struck."""
        home = await mailing()
        await leave(home)
        (path,) = files(home, "msg_*.wav")
        voicemail = home.switch.calls.answering.voicemail
        voicemail.close()
        voicemail._files.clear()
        voicemail._thread = None
        other = path.with_name("msg_11111111-2222-4333-8444-555555555555.wav")
        other.write_bytes(path.read_bytes())
        path.with_name("msg_half.wav.part").write_bytes(b"RIFF")
        (index,) = files(home, "voicemail.sqlite3")
        with sqlite3.connect(index) as connection:
            connection.execute("UPDATE voicemail_msgs SET file_path = file_path || '.gone'")
        connection.close()
        assert await asked(home, logs, "vm_boxcount 1000@DOMAIN") == "2"
        assert not files(home, "*.part")
        assert other.stem[4:] in await asked(home, logs, "vm_list 1000@DOMAIN")


class TestLamps:
    async def test_a_registered_phone_is_told_of_each_change(self, mailing: Any, logs: Logs) -> None:
        home = await mailing()
        phone = await home.registered_phone("1000")
        caller = home.lan_phone("1001")
        call = caller.invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).reject(486)
        await call.answered()
        await hears_tone(call, BEEP)
        async with humming(call, 500.0):
            await eventually(lambda: written(home, ".part") > 6000)
            call.press("#")
            await eventually(lambda: told(phone), "the lamp stays dark")
        assert told(phone) == [body(home, "yes", "1/0")]
        assert "Event: message-summary\r\n" in phone.text
        assert "Content-Type: application/simple-message-summary\r\n" in phone.text
        await asked(home, logs, "vm_delete 1000@DOMAIN")
        await eventually(lambda: told(phone)[1:] == [body(home, "no", "0/0")], "it stays alight")

    async def test_one_that_comes_later_is_told_when_it_registers(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home)
        phone = await home.registered_phone("1000")
        # Told once more where the message's row comes after the phone: its file is there before.
        await eventually(lambda: set(told(phone)) == {body(home, "yes", "1/0")}, "it is not told")

    async def test_nobody_is_told_of_a_box_that_was_never_used(self, mailing: Any) -> None:
        home = await mailing()
        phone = await home.registered_phone("1000")
        await home.switch.calls.answering.voicemail.counts(box(home))  # behind the question in the queue
        await phone.options(home.internal)
        assert told(phone) == []

    async def test_a_far_phone_is_told_our_outside_address(self, mailing: Any) -> None:
        home = await mailing()
        await home.mapped()
        phone = home.far_phone("1000")
        response = await phone.register(home.reached_at("internal"), PASSWORD, domain=domain(home))
        assert response.status == 200
        voicemail = home.switch.calls.answering.voicemail
        await voicemail.mark(box(home), read=True)
        account = f"Message-Account: sip:1000@{home.outside_address}\r\n".encode()
        await eventually(lambda: any(account in each for each in told(phone)), phone.text)

    async def test_another_account_for_a_phone_in_the_hall(self, mailing: Any) -> None:
        def hall(text: str) -> str:
            mine = '<user id="1001"><params><param name="MWI-Account" value="1000"/></params>'
            return text.replace('<user id="1001">', mine)

        home = await mailing({DIRECTORY: [hall]})
        phone = await home.registered_phone("1001")
        (row,) = home.switch.snapshot().registrations
        assert row.mwi_account == f"1000@{domain(home)}"
        await home.switch.calls.answering.voicemail.mark(box(home), read=True)
        await eventually(lambda: told(phone), "1001 is not told of 1000")


def box(home: Home) -> Any:
    found = home.switch.calls.answering.voicemail.box_of(f"1000@{domain(home)}")
    assert found is not None
    return found


def body(home: Home, waiting: str, counts: str) -> bytes:
    return (
        f"Messages-Waiting: {waiting}\r\nMessage-Account: sip:1000@{home.address}\r\n"
        f"Voice-Message: {counts} (0/0)\r\n"
    ).encode()


async def subscribed(phone: Phone, home: Home, user: str = "", **headers: str) -> Any:
    """What a phone is answered that subscribes to a box, by default its own."""
    who = f"<sip:{phone.user}@{home.address}>"
    rows = [
        ("From", who),
        ("To", f"<sip:{user or phone.user}@{home.address}>"),
        ("Contact", f"<sip:{phone.user}@{phone.shown}>"),
        ("Event", "message-summary"),
        *headers.items(),
    ]
    request = Request("SUBSCRIBE", f"sip:{user or phone.user}@{home.address}", rows)
    return await phone.ask(request, home.internal, Login(phone.user, PASSWORD))


class TestSubscriptions:
    async def test_200_and_what_there_is(self, mailing: Any) -> None:
        home = await mailing()
        await leave(home)
        phone = home.lan_phone("1000")
        response = await subscribed(phone, home, Expires="7200")
        assert (response.status, response.get("Expires")) == (200, "3600")
        # The last: a message's file is there a moment before its row, and the first may not know of it.
        await eventually(lambda: told(phone)[-1:] == [body(home, "yes", "1/0")], phone.text)
        assert "Subscription-State: active;expires=3600\r\n" in phone.text

    async def test_a_moment_is_too_short(self, mailing: Any) -> None:
        home = await mailing()
        response = await subscribed(home.lan_phone("1000"), home, Expires="5")
        assert (response.status, response.get("Min-Expires")) == (423, "60")

    async def test_nobody_learns_of_others_messages(self, mailing: Any) -> None:
        home = await mailing()
        phone = home.lan_phone("1001")
        assert (await subscribed(phone, home, "1000")).status == 403
        assert told(phone) == []

    async def test_a_stranger_is_asked_for_his_password_and_told_nothing(self, mailing: Any) -> None:
        home = await mailing()
        phone = home.lan_phone("mallory")
        assert (await subscribed(phone, home, "1000")).status == 407
        phone = home.lan_phone("1000")
        rows = [("Event", "message-summary"), ("Contact", f"<sip:1000@{phone.shown}>")]
        request = Request("SUBSCRIBE", f"sip:1000@{home.address}", rows)
        assert (await phone.ask(request, home.external)).status == 403

    async def test_a_box_has_twenty_and_the_oldest_goes(self, mailing: Any) -> None:
        home = await mailing()
        for _ in range(22):
            phone = home.lan_phone("1000")
            assert (await subscribed(phone, home)).status == 200
            assert len(list(home.switch.snapshot().subscriptions)) <= 20

    async def test_a_switch_without_voicemail_has_nothing_to_tell(self, found: Any) -> None:
        home = await found({VOICEMAIL: lambda text: text.replace("voicemail.conf", "nothing.conf")})
        await home.switch.start()
        assert (await subscribed(home.lan_phone("1000"), home)).status == 489
