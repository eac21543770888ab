"""Real phones: sipp and baresip, each with the files it wants."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.netns import wait_for

from .audio import HEADER, RATE, best_share, read_wav, recorded, to_ulaw, write_wav

SCENARIOS = Path(__file__).parent / "scenarios"
MODULES = Path("/usr/lib/baresip/modules")


@dataclass
class Sipp:
    """Runs scenarios of ours with sipp in one namespace."""

    laboratory: Laboratory
    role: str
    address: str
    directory: Path
    transport: str = "u1"  # t1: one TCP connection for all calls; tn: one for each
    calls: int = 1
    port: int = 5070

    def start(
        self, scenario: str, target: str, number: str = "", sounds: list[int] | None = None, **keys: str
    ) -> subprocess.Popen[bytes]:
        """Start one call of a scenario; ``keys`` fill its ``[name]`` holes."""
        argv = ["sipp", target, "-sf", str(self._prepare(scenario, sounds, keys)), "-s", number or "nobody"]
        argv += [
            "-i",
            self.address,
            "-p",
            str(self.port),
            "-mi",
            self.address,
            "-m",
            str(self.calls),
            "-nostdin",
            "-nd",
        ]
        argv += ["-t", self.transport, "-r", "20", "-max_socket", "100"]
        argv += ["-timeout", "60s", "-timeout_error", "-recv_timeout", "30000", "-trace_err"]
        argv += ["-error_file", str(self.directory / "errors.log")]
        return self.laboratory.popen(self.role, argv, self.directory / "sipp.log")

    def run(self, *arguments: str, **keywords: object) -> None:
        """Run a scenario to its end; an assertion fails with sipp's own words when the call did."""
        status = self.start(*arguments, **keywords).wait(90)  # type: ignore[arg-type]
        assert status == 0, self.words()

    def words(self) -> str:
        errors = self.directory / "errors.log"
        log = (self.directory / "sipp.log").read_text(errors="replace")
        return (errors.read_text(errors="replace") if errors.exists() else "") + log[-2000:]

    def _prepare(self, scenario: str, sounds: list[int] | None, keys: dict[str, str]) -> Path:
        media = self.directory / "speech.ulaw"
        media.write_bytes(to_ulaw(sounds or []))
        text = (SCENARIOS / scenario).read_text()
        for key, value in {"media": str(media), **keys}.items():
            text = text.replace(f"[{key}]", value)
        path = self.directory / scenario
        path.write_text(text)
        return path


BARESIP = """\
poll_method epoll
sip_listen {address}:{port}
audio_source aufile,{directory}/speech.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate 8000
ausrc_channels 1
auplay_srate 8000
auplay_channels 1
rtp_ports 20000-20100
rtcp_mux no
jitter_buffer_delay 1-5
dns_server 127.0.0.1:53
net_interface eth0
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:4444
snd_path {directory}
"""


SPEAK = """\
import json, socket, sys
text = json.dumps({"command": sys.argv[1], "params": sys.argv[2], "token": "t"})
with socket.create_connection(("127.0.0.1", 4444), 5) as line:
    line.sendall(f"{len(text)}:{text},".encode())
    print(line.recv(65536).decode())
"""


class Baresip:
    """A baresip that speaks a sound of ours and records what it hears."""

    def __init__(
        self,
        laboratory: Laboratory,
        role: str,
        address: str,
        directory: Path,
        modules: tuple[str, ...] = (),
        port: int = 5072,
        *,
        ipv6: bool = False,
    ) -> None:
        """``modules`` are loaded beside the usual ones; ``port`` is where it listens."""
        self.directory = directory
        self._port, self._family = port, "-6" if ipv6 else "-4"
        self._laboratory, self._role, self._address = laboratory, role, address
        self._modules = "".join(f"module {each}\n" for each in modules)
        self.contacts = ""  # its file of that name
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, account: str, sounds: list[int], *commands: str) -> None:
        """Run it with one account line; each of ``commands`` is typed at its prompt."""
        write_wav(self.directory / "speech.wav", sounds)
        text = BARESIP.format(
            address=self._address, port=self._port, directory=self.directory, modules=MODULES
        )
        (self.directory / "config").write_text(text + self._modules)
        (self.directory / "accounts").write_text(account + "\n")
        (self.directory / "contacts").write_text(self.contacts)
        typed = [word for command in commands for word in ("-e", command)]
        argv = ["baresip", self._family, "-v", "-f", str(self.directory), *typed]
        self.process = self._laboratory.popen(self._role, argv, self.directory / "baresip.log")

    def log(self) -> str:
        path = self.directory / "baresip.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, text: str, timeout: float = 10.0) -> None:
        try:
            wait_for(lambda: text in self.log(), timeout, f"{text!r} from baresip")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from error

    def call(self, target: str, sounds: list[int], codecs: str = "PCMU/8000/1") -> None:
        """Call somebody and return when the call stands."""
        self.start(f"<sip:outside@{self._address}>;regint=0;audio_codecs={codecs}", sounds, f"/dial {target}")
        self.wait_for_log("Call established")

    def command(self, name: str, parameters: str = "") -> None:
        """One command while it runs, by its JSON control port."""
        done = self._laboratory.run(self._role, [sys.executable, "-c", SPEAK, name, parameters])
        assert '"ok":false' not in done.stdout, done.stdout  # an event that it causes may come before

    def so_far(self) -> list[int]:
        """The samples that it has recorded of the latest call; the last few are still in its buffer."""
        recordings = sorted(self.directory.glob("dump-*dec*.wav"))
        return read_wav(recordings[-1]) if recordings else []

    def hears(self, frequency: float) -> bool:
        """Whether the last second that it recorded holds that tone; it records at its codec's rate."""
        recordings = sorted(self.directory.glob("dump-*dec*.wav"))
        if not recordings or recordings[-1].stat().st_size < HEADER:
            return False
        rate, samples = recorded(recordings[-1])
        return best_share(samples[-rate:], frequency * RATE / rate) > 0.85

    def heard(self) -> list[int]:
        """The samples it recorded; complete once it has been stopped."""
        samples = self.so_far()
        assert samples, f"nothing recorded:\n{self.log()[-3000:]}"
        return samples

    def stop(self) -> None:
        if self.process:
            self._laboratory.end(self.process)
