"""Linphone's console phone: files in place of a sound card, a home of its own, a keyboard that is a pipe."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.netns import wait_for

from .audio import read_wav, write_wav
from .keyboard import Keyboard

CONFIGURATION = """\
[sip]
sip_port=5074
sip_tcp_port=5074
sip_tls_port=5075
use_ipv6=0
guess_hostname=0
contact="Lin" <sip:lin@{address}>
verify_server_certs=1
verify_server_cn={name}
root_ca={trusted}
default_proxy=0
media_encryption={encryption}
media_encryption_mandatory={mandatory}
use_info={info}
use_rfc2833=1

[rtp]
audio_rtp_port=7078-7098

[sound]
echocancellation=0
agc=0

[video]
enabled=0
capture=0
display=0

"""

ACCOUNT = """
[proxy_0]
reg_proxy=<sip:{at}>
reg_identity="Lin" <sip:{user}@{domain}>
reg_expires=300
reg_sendregister=1
publish=0
push_notification_allowed=0

[auth_info_0]
username={user}
passwd={password}
"""


# All that this build knows, as it names them: name, rate and channels
CODECS = (
    "opus/48000/2",
    "speex/16000/1",
    "speex/8000/1",
    "PCMU/8000/1",
    "PCMA/8000/1",
    "GSM/8000/1",
    "G722/8000/1",
)
CODEC = """
[audio_codec_{number}]
mime={mime}
rate={rate}
channels={channels}
enabled={enabled}
"""

ICE = """
[net]
nat_policy_ref=everywhere

[nat_policy_0]
ref=everywhere
protocols=ice
"""


def only(codec: str) -> str:
    """The lines that leave one codec; empty: none, and it has what it has by itself."""
    lines = []
    for number, each in enumerate(CODECS if codec else ()):
        mime, rate, channels = each.split("/")
        enabled = int(each == codec)
        lines.append(CODEC.format(number=number, mime=mime, rate=rate, channels=channels, enabled=enabled))
    return "".join(lines)


class Linphone:
    """One linphonec; it speaks a sound of ours and records what it hears."""

    def __init__(self, laboratory: Laboratory, role: str, address: str, directory: Path) -> None:
        self.directory = directory
        self._laboratory, self._role, self._address = laboratory, role, address
        self._keyboard = Keyboard(directory / "keyboard")
        self.process: subprocess.Popen[bytes] | None = None

    def register(
        self,
        at: str,
        user: str,
        password: str,
        sounds: list[int],
        trusted: Path,
        *,
        info: bool = False,
        ice: bool = False,
        srtp: bool = False,
        name: bool = False,
        codec: str = "",
        until: str = "LinphoneRegistrationOk",
    ) -> None:
        """Run it as ``user`` of the registrar ``at``, and return when it is registered (its log: ``until``).

        It believes certificates that ``trusted`` vouches for and no others, with ``name`` only those that
        bear the name it calls; keys go as RFC 4733 events, or by INFO. With ``ice`` its offers hold
        candidates (RFC 8839); with ``srtp`` it insists on SRTP; with ``codec``, one of ``CODECS``, it has no
        other.
        """
        configuration = CONFIGURATION.format(
            address=self._address,
            trusted=trusted,
            info=int(info),
            name=int(name),
            encryption="srtp" if srtp else "none",
            mandatory=int(srtp),
        )
        account = ACCOUNT.format(at=at, user=user, domain=at.partition(":")[0], password=password)
        (self.directory / "linphonerc").write_text(configuration + account + ICE * ice + only(codec))
        write_wav(self.directory / "speech.wav", sounds)
        home = self.directory / "home"
        (home / ".local/share/linphone").mkdir(parents=True)
        argv = ["linphonec", "-d", "6", "-l", str(self.directory / "log")]
        argv += ["-c", str(self.directory / "linphonerc")]
        self.process = self._laboratory.popen(
            self._role,
            self._keyboard.in_front_of(argv),
            self.directory / "output",
            {"HOME": str(home), "TERM": "dumb"},
        )
        self.says("soundcard use files", "Using wav files")
        self.type_in(f"play {self.directory}/speech.wav")
        self.type_in(f"record {self.directory}/heard.wav")
        self.wait_until(lambda: until in self.log(), until)

    def type_in(self, line: str) -> None:
        self._keyboard.type_in(line)

    def says(self, line: str, answer: str, patience: float = 10) -> None:
        """Type a line, and return when its console has said ``answer`` since."""
        before = len(self.words())
        self.type_in(line)
        self.wait_until(lambda: answer in self.words()[before:], f"{answer!r} after {line!r}", patience)

    def wait_until(self, condition: Callable[[], bool], what: str, patience: float = 10) -> None:
        try:
            wait_for(condition, patience, what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.words()}") from error

    def log(self) -> str:
        """What its library says, every message that it sends and gets among it."""
        return (self.directory / "log").read_text(errors="replace")

    def words(self) -> str:
        """All that its console has said."""
        path = self.directory / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def heard(self) -> list[int]:
        """The samples it has recorded so far."""
        path = self.directory / "heard.wav"
        return read_wav(path) if path.exists() else []

    def stop(self) -> None:
        if self.process:
            self._laboratory.end(self.process)
