"""fail2ban, as Debian has it, reads our log with its stock filter for FreeSWITCH, and bans a guesser."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .switch_process import PASSWORD, Switch
from .wire import status, wire

STOCK = Path("/etc/fail2ban")
SERVER = """[Definition]
loglevel = INFO
logtarget = {folder}/log
syslogsocket = auto
socket = {folder}/socket
pidfile = {folder}/pid
dbfile = None
dbmaxmatches = 10
dbpurgeage = 1d
"""
JAIL = """[freeswitch]
enabled = true
filter = freeswitch
backend = polling
logpath = {log}
maxretry = 3
findtime = 600
bantime = 600
action = nftables[type=allports, name=freeswitch, protocol="udp,tcp"]
"""


class Fail2ban:
    """A server of its own in the namespace of the switch, with the stock filters and actions."""

    def __init__(self, laboratory: Laboratory, folder: Path, log: Path) -> None:
        self._laboratory, self._folder = laboratory, folder
        for name in ("filter.d", "action.d"):
            (folder / name).symlink_to(STOCK / name)
        (folder / "fail2ban.conf").write_text(SERVER.format(folder=folder))
        (folder / "jail.conf").write_text(JAIL.format(log=log))
        self._base = ["-c", str(folder)]
        argv = ["fail2ban-server", *self._base, "-f", "start"]
        self.process = laboratory.popen(PBX, argv, folder / "output")

    def banned(self) -> list[str]:
        asked = self._laboratory.run(
            PBX, ["fail2ban-client", *self._base, "status", "freeswitch"], check=False
        )
        found = re.search(r"Banned IP list:[ \t]*(.*)", asked.stdout)
        return found[1].split() if found else []

    def watches(self) -> bool:
        log = self._folder / "log"
        return log.exists() and "Jail 'freeswitch' started" in log.read_text()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Switch, Fail2ban]]:
    folder = tmp_path_factory.mktemp("guarded")
    with Laboratory() as laboratory:
        switch = Switch(laboratory, folder)
        switch.start()
        switch.wait_until_mapped()
        (folder / "fail2ban").mkdir()
        fail2ban = Fail2ban(laboratory, folder / "fail2ban", folder / "log" / "ringthru.log")
        wait_for(fail2ban.watches, 20, "fail2ban to read the log")
        yield switch, fail2ban
        laboratory.end(fail2ban.process)


def test_a_guesser_is_banned_in_the_kernel_and_a_phone_at_home_is_not(
    guarded: tuple[Switch, Fail2ban],
) -> None:
    switch, fail2ban = guarded
    laboratory = switch.laboratory
    with wire(laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5060)) as guesser:
        for number, name in enumerate(("nobody] from ip 192.168.1.50", "nobody", "1000")):
            assert status(guesser.register("1000", f"guess-{number}", name)) == 401
    wait_for(lambda: fail2ban.banned() == [PUB_ADDRESS], 20, "the ban")
    element = re.compile(rf"elements = {{ {re.escape(PUB_ADDRESS)} }}")
    wait_for(lambda: element.search(laboratory.run(PBX, ["nft", "list", "ruleset"]).stdout), 20, "the rule")
    with wire(laboratory, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, 5060)) as phone:
        assert status(phone.register("1000", PASSWORD)) == 200


def test_every_line_about_a_guess_is_one_that_the_filter_knows(guarded: tuple[Switch, Fail2ban]) -> None:
    switch, _ = guarded
    log = switch.directory / "log" / "ringthru.log"
    told = [line for line in log.read_text().splitlines() if " [WARNING] sofia_reg.c:" in line]
    assert len(told) == 5  # two of them are about users that are not there
    only = switch.directory / "guesses.log"
    only.write_text("".join(line + "\n" for line in told))
    argv = ["fail2ban-regex", str(only), str(STOCK / "filter.d" / "freeswitch.conf")]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert f"{len(told)} matched, 0 missed" in said, said
