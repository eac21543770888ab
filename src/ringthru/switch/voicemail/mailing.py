"""Mails about messages, given to the machine's mailer: ``sendmail -t``, or the ``mailer-app`` of switch.conf.

A thread of its own reads the sound and the template and waits for the program, so that no call does. A mail
that was not taken is a line of the log with what to do, and the message stays in its box.

Lives here: the thread, and the program. Never here: who is written to (``mail_letter``), the words
(``mail_text``), the box.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Final

from ...net.values import frozen
from ..beside import Beside
from .mail_letter import Letter

log = logging.getLogger(__name__)

MOST: Final = 500  # mails that wait for the mailer
PATIENCE: Final = 60.0  # seconds that it may take over one
AT_THE_END: Final = 5.0  # seconds that a stop waits for those that are left
LARGEST_SOUND: Final = 10_000_000  # octets that are attached: what is longer is only told of
LARGEST_TEMPLATE: Final = 65_536  # octets
USUAL: Final = ("sendmail", "-t")
PLACES: Final = ("/usr/sbin", "/usr/lib")  # where sendmail is, though no PATH of a service names them


@frozen
class MailProgram:
    """switch.conf's; ``may_run``: whether the command line allows another one than usual (-allowexec)."""

    app: str = "sendmail"
    args: str = "-t"
    may_run: bool = False

    def command(self) -> list[str]:
        """What to run.

        Raises:
            ValueError: nothing; the text says why, and what to do.
        """
        words = [*shlex.split(self.app), *shlex.split(self.args)]
        if not words:
            raise ValueError("mailer-app of switch.conf is empty")
        if tuple(words) != USUAL and not self.may_run:
            raise ValueError(f"mailer-app {self.app} of switch.conf runs only where -allowexec lets it")
        place = which(words[0], path=os.pathsep.join((os.environ.get("PATH", os.defpath), *PLACES)))
        if place is None:
            text = f"there is no program {words[0]}: install one (the packages msmtp-mta and postfix have a "
            raise ValueError(f"{text}sendmail), or name yours as mailer-app in switch.conf")
        return [place, *words[1:]]


class Mailer:
    """One switch's."""

    def __init__(self, program: Callable[[], MailProgram], conf: Path) -> None:
        """``program`` is asked for each mail; templates are below ``conf``."""
        self._program = program
        self._conf = conf
        self._beside = Beside("mails of voicemail", MOST, "are not sent")

    def send(self, letter: Letter, sent: Callable[[], None]) -> bool:
        """Have it sent; ``sent`` is called in the thread once the mailer took it. False: too many wait."""
        return self._beside.put(lambda: self._send(letter, sent))

    def close(self) -> None:
        """Send what is left; blocks for a while."""
        self._beside.close(AT_THE_END)

    def _send(self, letter: Letter, sent: Callable[[], None]) -> None:
        try:
            command = self._program().command()
            mail = self._composed(letter)
            done = subprocess.run(command, input=mail, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return _failed(letter, f"{command[0]} took more than {PATIENCE:.0f} s; try it by hand")
        except (OSError, ValueError) as error:
            return _failed(letter, str(error))
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().replace("\n", " ")[:200]
            why = f"{command[0]} ended with {done.returncode} ({said or 'it says nothing'})"
            return _failed(letter, f"{why}; its own log may say more")
        log.info("A mail about a message went to %s", letter.to)
        return sent()

    def _composed(self, letter: Letter) -> bytes:
        from .mail_text import BadTemplate, compose  # takes its time, which is this thread's

        sound = _sound(letter.sound) if letter.sound is not None else b""
        if template := self._template(letter.template_file):
            try:
                return compose(letter, template, sound)
            except BadTemplate as error:
                text = "The template %s of voicemail.conf cannot be used, our own words are: %s"
                log.error(text, letter.template_file, error)
        return compose(letter, "", sound)

    def _template(self, name: str) -> str:
        """Its text; empty where there is none."""
        if not name:
            return ""
        try:
            with (self._conf / name).open("rb") as file:
                return file.read(LARGEST_TEMPLATE).decode("utf-8", "replace")
        except OSError as error:
            text = "The template %s of voicemail.conf cannot be read, our own words are used: %s"
            log.error(text, self._conf / name, error.strerror)
            return ""


def _sound(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_SOUND:
        log.warning("%s is larger than %d MB: the mail is without it", path, LARGEST_SOUND // 1_000_000)
        return b""
    return path.read_bytes()


def _failed(letter: Letter, why: str) -> None:
    account = f"{letter.values['voicemail_account']}@{letter.values['voicemail_domain']}"
    log.error(
        "No mail to %s about a message for %s: %s. The message stays in the box", letter.to, account, why
    )
