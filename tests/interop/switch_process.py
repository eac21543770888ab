"""The switch under test, running behind the laboratory's gateway as it would at somebody's home."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import ringthru
from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import NatRule
from ringthru.lab.namespaces.netns import wait_for

from .keyboard import Keyboard

SHIPPED = Path(__file__).parents[2] / "conf"  # the default tree that users get
PASSWORD = "cobalt-Otter-71-lantern"  # of user 1000, in place of the random one
Parameters = Mapping[str, Mapping[str, str]]  # profile, parameter, value
SIP_PORTS = (5060, 5080)  # of the profiles internal and external
RING_AT_HOME = """
    <extension name="the phone at home">
      <condition field="destination_number" expression="^2000$">
        <action application="set" data="hangup_after_bridge=true"/>
        <action application="bridge" data="user/1000@$${domain}"/>
      </condition>
    </extension>

  </context>
"""


def configuration(directory: Path, parameters: Parameters, trunks: str = "", extensions: str = "") -> Path:
    """The shipped tree, copied; strangers may ring the phone at home, and its password is known."""
    tree = directory / "conf"
    if tree.exists():  # it is started once more
        return tree
    shutil.copytree(SHIPPED, tree)
    replace(tree / "vars.xml", "$${generated_password}", PASSWORD)
    replace(tree / "dialplan" / "public.xml", "  </context>\n", extensions + RING_AT_HOME)
    if trunks:
        replace(tree / "sip_profiles" / "external.xml", "  <gateways>\n", f"  <gateways>\n{trunks}\n")
    for profile, values in parameters.items():
        lines = "".join(f'    <param name="{name}" value="{value}"/>\n' for name, value in values.items())
        replace(tree / "sip_profiles" / f"{profile}.xml", "  </settings>\n", lines + "  </settings>\n")
    return tree


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))


def switch_of(laboratory: Laboratory, folder: Path) -> Iterator[Switch]:
    """One that runs and is mapped, for a fixture; at its end it must have had no exception."""
    folder.mkdir()
    made = Switch(laboratory, folder)
    made.start()
    made.wait_until_mapped()
    yield made
    made.stop()
    assert "Traceback" not in made.words(), made.words()


class Switch:
    """One ``python -m ringthru`` in a namespace; with ``console`` it obeys ``type_in``."""

    def __init__(
        self,
        laboratory: Laboratory,
        directory: Path,
        flags: Sequence[str] = (),
        *,
        console: bool = False,
        role: str = PBX,
        parameters: Parameters | None = None,
        trunks: str = "",
        extensions: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``parameters`` are set in addition, by profile; ``trunks`` are ``<gateway>`` elements.

        ``extensions`` of the dialplan are open to strangers.
        """
        self._configured = (parameters or {}, trunks, extensions)
        self._environment = environment or {}
        self.laboratory = laboratory
        self.directory = directory
        self.role = role
        self._flags = list(flags) if console else ["-nc", "-nf", *flags]
        self._console = console
        self._keyboard: Keyboard | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folders = {"-log": self.directory / "log", "-db": self.directory / "db"}
        argv = [
            sys.executable,
            "-m",
            "ringthru",
            "-conf",
            str(configuration(self.directory, *self._configured)),
        ]
        for flag, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            argv += [flag, str(folder)]
        if self._console:
            self._keyboard = Keyboard(self.directory / "keyboard")
            argv = self._keyboard.in_front_of(argv)
        source = str(Path(ringthru.__file__).parents[1])
        self.process = self.laboratory.popen(
            self.role,
            argv + self._flags,
            self.directory / "output",
            {"PYTHONPATH": source, **self._environment},
        )

    def type_in(self, line: str) -> None:
        """One line for its console."""
        assert self._keyboard is not None
        self._keyboard.type_in(line)

    def words(self) -> str:
        """All it printed and logged, for assertions and for their messages."""
        files = [self.directory / "output", *sorted((self.directory / "log").rglob("*"))]
        return "".join(path.read_text(errors="replace") for path in files if path.is_file())

    def wait_until_mapped(self, timeout: float = 30.0) -> list[NatRule]:
        """Return the gateway's rules once both profiles' UDP ports are among them."""

        def mapped() -> list[NatRule]:
            assert self.running(), f"the switch ended:\n{self.words()}"
            rules = self.laboratory.nat_rules()
            ports = {rule.external_port for rule in rules if rule.protocol == "udp"}
            return rules if ports >= set(SIP_PORTS) else []

        try:
            return wait_for(mapped, timeout, "the SIP ports mapped on the gateway")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.words()}") from error

    def wait_for_words(self, words: str, timeout: float = 10.0) -> None:
        try:
            wait_for(lambda: words.lower() in self.words().lower(), timeout, f"{words!r} from the switch")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.words()}") from error

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_for_lan(self, port: int, timeout: float = 10.0) -> None:
        """Return once somebody listens on a UDP port of the namespace."""

        def listening() -> bool:
            assert self.running(), f"the switch ended:\n{self.words()}"
            return f":{port} " in self.laboratory.run(self.role, ["ss", "-uan"]).stdout

        wait_for(listening, timeout, f"UDP port {port} of the switch")

    def stop(self) -> int:
        """SIGTERM, as an operator or systemd would; the exit status."""
        assert self.process
        return self.laboratory.end(self.process)


def since(switch: Switch) -> Callable[[str], None]:
    """A wait for words that the switch says from now on."""
    before = switch.words()

    def wait(words: str) -> None:
        try:
            wait_for(lambda: switch.words().count(words) > before.count(words), 30, f"{words!r} once more")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{switch.words()}") from error

    return wait
