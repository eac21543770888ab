"""A reader that hangs up, a full disk behind standard output, a journal that takes nothing: what then?"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import subprocess
import sys
from contextlib import suppress
from ipaddress import IPv4Network

import pytest

from ringthru.lab import Quirks
from ringthru.nat.command import run
from ringthru.nat.place import Ground
from ringthru.nat.session import Session
from ringthru.nat.words import Exit
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.memory import store_driver
from ringthru.portmap.memory.store_driver import Store

from ..scenarios.waiting import eventually
from .conftest import HOUSE, INSIDE
from .interrupting import interrupt


class Deaf(io.StringIO):
    """Takes so many pieces, and fails after."""

    def __init__(self, number: int, pieces: int = 0) -> None:
        super().__init__()
        self.pieces, self.number = pieces, number

    def write(self, text: str) -> int:
        if self.pieces <= 0:
            raise OSError(self.number, os.strerror(self.number))
        self.pieces -= 1
        return super().write(text)


async def said(nat, line: str, out: io.StringIO, err: io.StringIO | None = None) -> tuple[int, str]:
    err = io.StringIO() if err is None else err
    ground = Ground(lambda interface: HOUSE, linger=nat.linger)
    return await run([*line.split(), "--store", str(nat.store)], ground, out, err), err.getvalue()


def ports(gateway) -> list[int]:
    return [each.external_port for each in gateway.mappings()]


class TestOutput:
    @pytest.mark.parametrize("pieces", [0, 2, 5])
    async def test_who_reads_no_further_changes_nothing_that_is_done(self, start_gateway, nat, pieces):
        """``ringthru nat add 25060 | head -1``."""
        gateway = await start_gateway()
        code, words = await said(nat, "add 25060", Deaf(errno.EPIPE, pieces))
        assert (code, ports(gateway)) == (Exit.OK, [25060])
        assert "sooner with: ringthru nat delete 25060" in words

    async def test_a_full_disk_is_told_and_what_was_done_stays(self, start_gateway, nat):
        gateway = await start_gateway()
        code, words = await said(nat, "add 25060 --json", Deaf(errno.ENOSPC))
        assert (code, ports(gateway)) == (Exit.LOCAL, [25060])
        assert "No space left on device" in words

    async def test_remarks_that_cannot_be_written_are_no_failure(self, start_gateway, nat):
        gateway = await start_gateway()
        out = io.StringIO()
        code, _ = await said(nat, "add 25060", out, Deaf(errno.ENOSPC))
        assert (code, ports(gateway)) == (Exit.OK, [25060])
        assert "25060" in out.getvalue()

    @pytest.mark.parametrize("line", ["watch --json", "add 25060 --hold --json"])
    async def test_what_goes_on_and_on_ends_when_nobody_reads_it(self, start_gateway, nat, line):
        gateway = await start_gateway()
        code, _ = await said(nat, line, Deaf(errno.EPIPE, 1))
        assert (code, ports(gateway)) == (Exit.OK, [])

    @pytest.mark.parametrize("line", ["watch", "add 25060 --hold"])
    async def test_even_when_there_is_nothing_to_say(self, start_gateway, nat, line):
        """``ringthru nat watch | head -1``, where nothing happens for hours."""
        gateway = await start_gateway()
        reading, writing = os.pipe()
        with suppress(BrokenPipeError), open(reading, "rb") as reader, open(writing, "w") as out:
            watching = asyncio.ensure_future(said(nat, line, out))
            while b"Watching" not in await asyncio.to_thread(reader.readline):
                pass
            reader.close()
            code, _ = await asyncio.wait_for(watching, 30)
            assert (code, ports(gateway)) == (Exit.OK, [])

    def test_a_pipe_that_is_closed_makes_no_noise_at_the_exit(self):
        command = f"{sys.executable} -m ringthru nat --help | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("0\n", "")


class TestJournal:
    async def test_what_is_not_written_down_is_taken_back(self, start_gateway, nat, monkeypatch):
        """The disk is full: nobody could delete it later, or know of it."""
        gateway = await start_gateway()
        monkeypatch.setattr(Store, "keep_all", lambda self, entries: None)
        added = await nat("add 25060")
        assert (added.code, ports(gateway)) == (Exit.LOCAL, [])
        assert "taken back" in added.err
        assert "--store PATH" in added.err

    @pytest.mark.parametrize("line", ["add 25060", "status", "cleanup", "delete 25060"])
    async def test_a_directory_is_no_journal_and_is_said_to_be_one(self, start_gateway, nat, line):
        await start_gateway()
        nat.store.mkdir(parents=True)
        refused = await nat(line)
        assert refused.code == Exit.LOCAL
        assert f"{nat.store} cannot be used as the journal: it is a directory; --store PATH" in refused.err

    async def test_devices_remember_nothing(self, start_gateway, nat):
        gateway = await start_gateway()
        nat.store.parent.mkdir()
        nat.store.symlink_to("/dev/null")
        refused = await nat("add 25060")
        assert (refused.code, ports(gateway)) == (Exit.LOCAL, [])
        assert "no regular file" in refused.err

    async def test_discover_shows_what_it_found_without_any_journal(self, start_gateway, nat):
        await start_gateway()
        nat.store.mkdir(parents=True)
        assert (await nat("discover")).code == Exit.OK

    async def test_what_another_one_holds_ends_with_it_and_that_is_said(
        self, start_gateway, nat, monkeypatch
    ):
        gateway = await start_gateway()
        monkeypatch.setattr(store_driver, "is_alive", lambda owner: owner == "another")
        monkeypatch.setattr(store_driver, "own_name", lambda: "another")
        mapper = PortMapper(HOUSE, store=nat.store, log=lambda level, text: None, witness_after=3600.0)
        async with mapper:
            await mapper.want(Wanted(Protocol.UDP, 25060)).settled()
            monkeypatch.setattr(store_driver, "own_name", lambda: "this")
            added = await nat("add 25060")
            assert added.code == Exit.OK
            assert "Another Ringthru that runs holds it too" in added.err
        assert ports(gateway) == []


async def test_ctrl_c_while_it_is_taken_back_lets_that_end(start_gateway, nat, monkeypatch):
    """A second one ends it at once, and leaves the rest to ``cleanup``."""
    gateway = await start_gateway("natpmp")
    stopping, go_on = asyncio.Event(), asyncio.Event()
    stop = PortMapper.stop

    async def slowly(self):
        stopping.set()
        await go_on.wait()
        await stop(self)

    monkeypatch.setattr(PortMapper, "stop", slowly)
    task = asyncio.ensure_future(nat("explain 25060"))
    await asyncio.wait_for(stopping.wait(), 30)
    assert ports(gateway) == [25060]
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: ports(gateway) == [])


async def test_what_is_still_there_when_it_is_over_is_told(start_gateway, nat):
    gateway = await start_gateway("natpmp", "upnp")
    holding = asyncio.ensure_future(nat("add 25060 --hold"))
    await eventually(lambda: ports(gateway) == [25060] and "Watching" in nat.out.getvalue())
    gateway.quirks = Quirks(mute=True)
    await interrupt(signal.SIGTERM)
    said = await holding
    assert (said.code, ports(gateway)) == (Exit.PARTLY, [25060])
    assert "'ringthru nat cleanup' tries again" in said.err


@pytest.mark.parametrize("client", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
async def test_what_is_no_machine_has_no_mapping(start_gateway, nat, client):
    gateway = await start_gateway("upnp")
    refused = await nat(f"add 25060 --client {client}")
    assert (refused.code, ports(gateway)) == (Exit.USAGE, [])
    assert "is no machine" in refused.err


async def test_a_gateway_that_is_named_and_silent_is_told_by_its_name(start_gateway, nat):
    gateway = await start_gateway("upnp")
    refused = await nat(f"add 25060 --gateway {INSIDE}.77")
    assert (refused.code, ports(gateway)) == (Exit.NO_GATEWAY, [])
    assert f"the gateway {INSIDE}.77 does not answer" in refused.err


async def test_a_machine_without_a_network_says_so_at_once(nat):
    nowhere = Surroundings("127.0.0.1", IPv4Network("127.0.0.1/32"), None, multicast=False)
    for line in ("status", "add 25060", "list", "delete 25060", "explain 25060"):
        async with asyncio.timeout(60):  # not as long as somebody may be waited for
            said = await nat.on(lambda interface: nowhere, f"{line} --timeout 3600")
        assert said.code == Exit.NO_GATEWAY
        assert "is it connected?" in said.err


async def test_explain_does_not_say_that_it_removed_what_it_could_not(start_gateway, nat, monkeypatch):
    gateway = await start_gateway("natpmp")

    async def in_vain(self):
        self.leave()

    monkeypatch.setattr(PortMapper, "stop", in_vain)
    told = await nat("explain 25060")
    assert (told.code, ports(gateway)) == (Exit.PARTLY, [25060])
    assert "1 of it may be on the gateway still; 'ringthru nat cleanup'" in told.err
    assert "is removed" not in told.err


@pytest.mark.parametrize("command", ["add 25060", "explain 25060"])
async def test_a_gateway_that_falls_silent_once_it_is_found_has_not_refused(
    start_gateway, nat, monkeypatch, command
):
    gateway = await start_gateway("natpmp")
    verdict = Session.verdict

    async def then_silence(self, needed=True):
        found = await verdict(self, needed)
        gateway.quirks = Quirks(mute=True)
        return found

    monkeypatch.setattr(Session, "verdict", then_silence)
    silent = await nat(f"{command} --timeout 1")
    assert silent.code == Exit.NO_GATEWAY
    assert "has not answered what it was asked within 1 s" in silent.err
    assert "ringthru nat delete 25060/udp" in silent.err
