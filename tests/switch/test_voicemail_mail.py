"""Messages by mail: what is written, to whom, and what becomes of a mailer that does not play along."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.calls.caller import Caller
from ringthru.switch.configuration import User
from ringthru.switch.configuration.errors import Position
from ringthru.switch.configuration.voicemail_settings import MailSettings
from ringthru.switch.voicemail import mailing
from ringthru.switch.voicemail.mail_letter import Letter, letters
from ringthru.switch.voicemail.mail_text import BadTemplate, compose
from ringthru.switch.voicemail.mailing import Mailer, MailProgram
from ringthru.switch.voicemail.values import Box, Counts, Message

BOX = Box("default", "example.org", "1000")
VANILLA = """\
From: "${voicemail_caller_id_name}" <${voicemail_caller_id_number}@${voicemail_domain}>
To: <${voicemail_email}>
Subject: Voicemail from ${voicemail_caller_id_name} ${voicemail_message_len}
X-Priority: ${voicemail_priority}
X-Mailer: FreeSWITCH

Content-Type: multipart/alternative;
\tboundary="000XXX000"

--000XXX000
Content-Type: text/plain; charset=ISO-8859-1; Format=Flowed
Content-Disposition: inline
Content-Transfer-Encoding: 7bit

From: ${voicemail_caller_id_name}

--000XXX000
Content-Type: text/html; charset=ISO-8859-1
Content-Disposition: inline
Content-Transfer-Encoding: 7bit

<b>${Voicemail_Caller_ID_Name}</b>

--000XXX000--
"""


def message(name: str = "Anna", number: str = "4711", path: str = "/srv/msg_1.wav") -> Message:
    return Message("1", BOX, 1_700_000_000, 0, Caller(name, number), path, 3723)


def user(**params: str) -> User:
    named = {name.replace("_", "-"): value for name, value in params.items()}
    return User("1000", "example.org", Position(Path("x"), 1), named, {}, (), "")


def written(name: str = "Anna", **params: str) -> list[Letter]:
    owner = user(vm_mailto="anna@example.org", **params)
    return list(letters(message(name), owner, Counts(2, 1), MailSettings()))


def one(name: str = "Anna") -> Letter:
    (letter,) = written(name, vm_email_all_messages="true")
    return letter


def read(mail: bytes) -> EmailMessage:
    found = message_from_bytes(mail, policy=default)
    assert isinstance(found, EmailMessage)
    return found


class TestWhoIsWrittenTo:
    def test_nobody_unless_he_wants_it(self):
        assert written() == []
        assert written(vm_email_all_messages="false") == []
        assert list(letters(message(), user(vm_email_all_messages="true"), Counts(), MailSettings())) == []

    def test_the_owner_with_the_sound(self):
        letter = one()
        assert (letter.to, letter.sender) == ("anna@example.org", "1000@example.org")
        assert letter.sound == Path("/srv/msg_1.wav")

    def test_without_it_where_he_does_not_want_it(self):
        (letter,) = written(vm_email_all_messages="true", vm_attach_file="false")
        assert letter.sound is None

    def test_told_of_it_elsewhere(self):
        params = {"vm_notify_mailto": "sms@example.net", "vm_mailfrom": "box@example.org"}
        (letter,) = written(vm_notify_email_all_messages="true", **params)
        assert (letter.to, letter.sender, letter.sound) == ("sms@example.net", "box@example.org", None)

    def test_both(self):
        both = written(vm_email_all_messages="true", vm_notify_email_all_messages="true")
        assert [each.sound is not None for each in both] == [True, False]


class TestOurOwnWords:
    def test_what_a_mail_says(self):
        mail = read(compose(one(), sound=b"RIFF"))
        assert mail["From"] == "1000@example.org"
        assert mail["To"] == "anna@example.org"
        assert mail["Subject"] == "Voicemail from Anna 4711"
        assert mail["Auto-Submitted"] == "auto-generated"
        text, sound = mail.iter_parts()
        assert "Anna 4711 left a message of 01:02:03 for 1000@example.org." in text.get_content()
        assert (sound.get_content_type(), sound.get_filename()) == ("audio/x-wav", "msg_1.wav")
        assert sound.get_content() == b"RIFF"

    def test_umlauts(self):
        mail = read(compose(one("Jörg Müller")))
        assert mail["Subject"] == "Voicemail from Jörg Müller 4711"
        assert "Jörg Müller" in mail.get_content()


class TestATemplate:
    def test_freeswitchs(self):
        mail = read(compose(one("Jörg"), VANILLA, b"RIFF"))
        (sender,) = mail["From"].addresses
        assert (sender.display_name, sender.addr_spec) == ("Jörg", "4711@example.org")
        assert mail.get_all("To") == ["anna@example.org"]
        assert mail["Subject"] == "Voicemail from Jörg 01:02:03"
        assert mail["X-Mailer"] == "FreeSWITCH"
        both, sound = mail.iter_parts()
        plain, page = both.iter_parts()
        assert plain.get_content() == "From: Jörg\n"
        assert "<b>Jörg</b>" in page.get_content()
        assert sound.get_content() == b"RIFF"

    def test_a_plain_one(self):
        text = "From: Box <box@example.org>\nSubject: One\nContent-Type: text/plain; charset=UTF-8\n\n"
        text += "By ${voicemail_caller_id_name}\n"
        mail = read(compose(one(), text))
        assert str(mail["From"]) == "Box <box@example.org>"
        assert mail.get_content() == "By Anna\n"

    @pytest.mark.parametrize("template", ["", VANILLA])
    @pytest.mark.parametrize(
        "name",
        [
            "x\r\nBcc: all@example.net",
            'x" <evil@example.net>, "y',
            "<script>1</script>",
            "${voicemail_email}",
            "\0",
        ],
    )
    def test_a_callers_name_is_a_name_and_nothing_else(self, template: str, name: str):
        mail = read(compose(one(name), template))
        assert mail["Bcc"] is None
        assert mail.get_all("To") == ["anna@example.org"]
        assert len(mail.get_all("From") or []) == 1
        assert len(mail["From"].addresses) == 1
        assert "evil" not in mail["From"].addresses[0].addr_spec
        pages = [each for each in mail.walk() if each.get_content_type() == "text/html"]
        assert not any("<script>" in each.get_content() for each in pages)
        assert "anna@" not in str(mail["Subject"])

    @given(st.text(max_size=60))
    def test_whatever_it_is(self, name: str):
        for template in ("", VANILLA):
            mail = read(compose(one(name), template))
            assert mail.get_all("To") == ["anna@example.org"]
            assert mail["Bcc"] is None

    @pytest.mark.parametrize(
        "text", ["From: a@b\nFrom: c@d\n\nx", "no header at all", "Subject\x00: x\n\ny", "\n\n"]
    )
    def test_a_broken_one_is_told_or_read(self, text: str):
        try:
            mail = read(compose(one(), text))
        except BadTemplate:
            return
        assert mail.get_all("To") == ["anna@example.org"]


@pytest.fixture
def mailer(tmp_path: Path) -> Callable[[str], Mailer]:
    """One whose program is a script with these lines, and whose templates are in the same folder."""

    def make(lines: str) -> Mailer:
        script = tmp_path / "mailer"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)
        return Mailer(lambda: MailProgram(str(script), "-t 'a b'", True), tmp_path)

    return make


def sent_by(mailer: Mailer, letter: Letter) -> bool:
    """Whether the mailer took it."""
    taken = threading.Event()
    assert mailer.send(letter, taken.set)
    mailer.close()
    return taken.is_set()


class TestTheProgram:
    def test_gets_the_mail_and_its_arguments(self, mailer: Callable[[str], Mailer], tmp_path: Path):
        sound = tmp_path / "msg_1.wav"
        sound.write_bytes(b"RIFFRIFF")
        (letter,) = letters(
            message(path=str(sound)),
            user(vm_mailto="anna@example.org", vm_email_all_messages="true"),
            Counts(),
            MailSettings(template_file="voicemail.tpl"),
        )
        (tmp_path / "voicemail.tpl").write_text(VANILLA)
        assert sent_by(mailer(f'cat > {tmp_path}/mail; echo "$1|$2" > {tmp_path}/arguments'), letter)
        mail = read((tmp_path / "mail").read_bytes())
        assert mail["X-Mailer"] == "FreeSWITCH"
        assert [each.get_content() for each in mail.iter_attachments()][-1] == b"RIFFRIFF"
        assert (tmp_path / "arguments").read_text() == "-t|a b\n"

    def test_without_its_template_our_words_go(
        self, mailer: Callable[[str], Mailer], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ):
        (letter,) = letters(
            message(),
            user(vm_mailto="a@b", vm_notify_email_all_messages="true"),
            Counts(),
            MailSettings(notify_template_file="nothing.tpl"),
        )
        assert sent_by(mailer(f"cat > {tmp_path}/mail"), letter)
        assert "left a message" in read((tmp_path / "mail").read_bytes()).get_content()
        assert "nothing.tpl of voicemail.conf cannot be read" in caplog.text

    def test_one_that_fails_is_told_with_what_it_says(
        self, mailer: Callable[[str], Mailer], caplog: pytest.LogCaptureFixture
    ):
        (letter,) = written(vm_notify_email_all_messages="true")
        assert not sent_by(mailer("echo 'no route to host' >&2; exit 75"), letter)
        assert "No mail to anna@example.org about a message for 1000@example.org" in caplog.text
        assert "ended with 75 (no route to host)" in caplog.text
        assert "The message stays in the box" in caplog.text

    def test_one_that_hangs(
        self,
        mailer: Callable[[str], Mailer],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setattr(mailing, "PATIENCE", 0.05)
        monkeypatch.setattr(mailing, "AT_THE_END", 60.0)
        (letter,) = written(vm_notify_email_all_messages="true")
        assert not sent_by(mailer("exec sleep 60"), letter)
        assert "took more than" in caplog.text

    def test_a_sound_that_is_gone(self, mailer: Callable[[str], Mailer], caplog: pytest.LogCaptureFixture):
        assert not sent_by(mailer("exit 0"), one())
        assert "No such file" in caplog.text

    def test_too_long_a_sound_is_left_out(
        self, mailer: Callable[[str], Mailer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(mailing, "LARGEST_SOUND", 7)
        (tmp_path / "long.wav").write_bytes(b"RIFFRIFF")
        letter = Letter("a@b", "c@d", one().values, sound=tmp_path / "long.wav")
        assert sent_by(mailer(f"cat > {tmp_path}/mail"), letter)
        assert not read((tmp_path / "mail").read_bytes()).is_multipart()


class TestWhichProgramRuns:
    """A configuration runs no programs of its choice unless the command line allows it."""

    def test_sendmail_where_there_is_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        script = tmp_path / "sendmail"
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert MailProgram().command() == [str(script), "-t"]

    def test_where_there_is_none_the_log_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(mailing, "PLACES", ())
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(ValueError, match="msmtp-mta"):
            MailProgram().command()

    @pytest.mark.parametrize(
        ("app", "args"), [("/tmp/evil", ""), ("sendmail", "-t -C /tmp/evil"), ("sh", "-c 'x'")]
    )
    def test_another_one_only_with_allowexec(self, app: str, args: str):
        with pytest.raises(ValueError, match="-allowexec"):
            MailProgram(app, args).command()

    def test_an_empty_one(self):
        with pytest.raises(ValueError, match="empty"):
            MailProgram("", "", True).command()


def test_what_nobody_waits_for_is_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(mailing, "MOST", 1)
    held = threading.Event()

    def program() -> MailProgram:
        held.wait(60)
        return MailProgram("", "", True)

    caplog.set_level(logging.INFO)
    mailer = Mailer(program, Path())
    taken = [mailer.send(one(), lambda: None) for _ in range(5)]
    held.set()
    mailer.close()
    assert taken[0] is True
    assert taken[-1] is False
    assert "are not sent until they are done" in caplog.text
