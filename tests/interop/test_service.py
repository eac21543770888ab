"""The switch as a service: to the background and back, what systemd hears, SIGHUP, another user."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ringthru
from ringthru.lab.namespaces.laboratory import PBX, WAN_ADDRESS, Laboratory, Topology
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import wait_for

from ..switch.lookalikes import vanilla, write
from .switch_process import SIP_PORTS, Switch, configuration

SOURCE = str(Path(ringthru.__file__).parents[1])


class Manager:
    """What systemd would hear at NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(30)
        self.heard: list[str] = []

    def hear(self, wanted: str) -> re.Match[str]:
        """The next assignment that matches."""
        for _ in range(200):  # datagrams; the watchdog's come for ever
            lines = self._socket.recv(4096).decode().split("\n")
            self.heard += lines
            for line in lines:
                if found := re.fullmatch(wanted, line):
                    return found
        raise AssertionError(f"no {wanted} in {self.heard}")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def test_a_unit_is_ready_shows_the_gateway_stays_alive_and_says_when_it_stops(
    tmp_path: Path, manager: Manager
) -> None:
    told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "400000"}
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        switch = Switch(laboratory, tmp_path, environment=told)
        switch.start()
        manager.hear("READY=1")
        found = manager.hear(r"STATUS=(?:PCP|NAT-PMP) (\S+), (\d+) mappings")
        assert found[1] == WAN_ADDRESS
        assert int(found[2]) >= len(SIP_PORTS)
        manager.hear("WATCHDOG=1")
        assert switch.process is not None
        switch.process.send_signal(signal.SIGTERM)
        manager.hear("STOPPING=1")
        assert switch.stop() == 0, switch.words()
        assert manager.heard.count("READY=1") == 1


@pytest.fixture(scope="module")
def lan() -> Iterator[Laboratory]:
    """A machine without a gateway; what still runs there ends with it."""
    with Laboratory(Topology.NONE) as laboratory:
        yield laboratory


class Command:
    """``ringthru FLAGS`` typed on that machine, with folders of the test's own."""

    def __init__(self, laboratory: Laboratory, folder: Path) -> None:
        self.folder = folder
        self.conf = configuration(folder, {})
        self._laboratory = laboratory
        self.words = ["-nonat", "-conf", str(self.conf), "-db", str(folder / "db")]
        (folder / "db").mkdir()

    def __call__(self, *flags: str, opts: str = "") -> subprocess.CompletedProcess[str]:
        inside = [
            "ip",
            "netns",
            "exec",
            self._laboratory.name(PBX),
            sys.executable,
            "-m",
            "ringthru",
            *self.words,
            *flags,
        ]
        environment = {**os.environ, "PYTHONPATH": SOURCE, "RINGTHRU_OPTS": opts}
        return subprocess.run(
            inside, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def log(self) -> Path:
        return self.folder / "db" / "log" / "ringthru.log"

    @property
    def pid(self) -> int:
        return int((self.folder / "db" / "ringthru.pid").read_text())

    def listens(self) -> bool:
        return ":5060 " in self._laboratory.run(PBX, ["ss", "-uan"]).stdout


@pytest.fixture
def command(lan: Laboratory, tmp_path: Path) -> Iterator[Command]:
    command = Command(lan, tmp_path)
    yield command
    command("-stop")  # of no effect where the test has done so


class TestTheBackground:
    def test_ncwait_returns_when_calls_are_taken_and_stop_when_the_process_has_ended(
        self, command: Command
    ) -> None:
        started = command("-ncwait")
        assert (started.returncode, started.stderr) == (0, f"{command.pid} Backgrounding.\n"), started
        said = started.stdout.splitlines()[-1]
        assert re.fullmatch(rf"Ringthru\[\d+\] System Ready pid:{command.pid}", said)
        assert command.listens()
        pid = command.pid
        stopped = command("-stop")
        assert (stopped.returncode, stopped.stdout) == (0, f"Stopped process {pid}\n")
        assert not command.listens()
        assert not (command.folder / "db" / "ringthru.pid").exists()
        assert "Traceback" not in command.log.read_text()

    def test_an_error_of_the_start_is_told_where_it_was_typed(self, command: Command) -> None:
        (command.folder / "conf" / "vars.xml").write_text("<include><oops")
        failed = command("-ncwait")
        assert failed.returncode == 1
        assert "not well-formed XML" in failed.stderr
        assert "] Error starting system! pid:" in failed.stdout
        nobody = command("-stop")
        assert nobody.returncode == 1
        assert "nothing to stop" in nobody.stderr

    def test_nc_returns_at_once_with_a_pid_file_and_a_log_that_tells_the_rest(self, command: Command) -> None:
        started = command("-nc")
        assert (started.returncode, started.stdout) == (0, "")
        assert started.stderr == f"{command.pid} Backgrounding.\n"
        wait_for(command.listens, 20, "the ports")
        pid = command.pid
        assert command("-stop").stdout == f"Stopped process {pid}\n"
        (command.folder / "conf" / "vars.xml").write_text("<include><oops")
        assert command("-nc").returncode == 0
        wait_for(lambda: "Not started: " in command.log.read_text(), 20, "the reason in the log")
        assert "not well-formed XML" in command.log.read_text()

    def test_nc_and_nf_stay_where_they_were_started(self, command: Command) -> None:
        (command.folder / "conf" / "vars.xml").write_text("<include><oops")
        failed = command("-nc", "-nf")
        assert (failed.returncode, "Backgrounding" in failed.stderr) == (1, False)

    def test_flags_of_the_environment_count_before_those_of_the_command_line(self, command: Command) -> None:
        assert command("-nf", "-ncwait", opts="-no-such").returncode == 1
        assert command(opts="-ncwait").returncode == 0
        assert command.listens()

    def test_another_program_that_has_the_number_of_one_that_crashed_is_not_ended(
        self, command: Command
    ) -> None:
        assert command("-ncwait").returncode == 0
        os.kill(command.pid, signal.SIGKILL)
        wait_for(lambda: not command.listens(), 10, "the end")
        bystander = subprocess.Popen(["sleep", "60"])
        (command.folder / "db" / "ringthru.pid").write_text(f"{bystander.pid}\n")
        assert command("-stop").returncode == 1
        assert bystander.poll() is None
        bystander.kill()
        bystander.wait()


def test_a_hang_up_begins_a_new_log_file_and_ends_nothing(command: Command) -> None:
    assert command("-ncwait").returncode == 0
    before = command.log.read_text()
    os.kill(command.pid, signal.SIGHUP)
    wait_for(lambda: command.log.exists() and not command.log.read_text().startswith(before), 10, "another")
    (kept,) = command.log.parent.glob("ringthru.log.*")
    assert kept.read_text().startswith(before)
    assert command.listens()


def test_a_tree_as_freeswitchs_own_serves_and_the_log_names_once_what_changes_nothing(
    command: Command, tmp_path: Path
) -> None:
    shutil.rmtree(command.conf)
    write(vanilla(str(tmp_path / "witness")), command.conf)
    started = command("-ncwait")
    assert started.returncode == 0, started
    assert command.listens()
    wait_for(lambda: "zeroconf.conf is not used" in command.log.read_text(), 10, "the files' names")
    log = command.log.read_text()
    assert log.count("parameter 'ws-binding' is not supported in this version: ignored") == 1
    assert log.count("zeroconf.conf is not used in this version, ignored: debug, zeroconf-thing") == 1
    assert "Traceback" not in log
    assert not (tmp_path / "witness").exists()


def test_a_user_there_is_not_is_one_line(command: Command) -> None:
    failed = command("-ncwait", "-u", "no-such-user")
    assert (failed.returncode, failed.stderr) == (
        1,
        "ringthru: -u no-such-user: there is no such user on this machine\n",
    )


@pytest.mark.parametrize(("user", "group"), [("nobody", ""), ("nobody", "daemon"), ("", "daemon")])
def test_u_and_g_leave_nothing_of_root_that_was_named(user: str, group: str) -> None:
    program = (
        "import sys; from ringthru.console.background import become; become(*sys.argv[1:]);"
        "print(open('/proc/self/status').read())"
    )
    argv = [sys.executable, "-c", program, user, group]
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    status = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout
    fields = {line.partition(":")[0]: line.partition(":")[2].split() for line in status.splitlines()}
    gid = grp.getgrnam(group).gr_gid if group else pwd.getpwnam(user).pw_gid
    assert set(fields["Gid"]) == {str(gid)}
    if user:
        assert set(fields["Uid"]) == {str(pwd.getpwnam(user).pw_uid)}
        assert "0" not in fields["Groups"]
