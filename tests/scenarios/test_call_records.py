"""What is written of a call when it is over: who ended it, what was heard, which addresses were used."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.standard import standard_table

from .home import DEFAULT, PUBLIC, RING_1000, Edit, Home, extension
from .phones import hear_each_other, hears_itself
from .waiting import eventually

CSV, JSON = "autoload_configs/cdr_csv.conf.xml", "autoload_configs/json_cdr.conf.xml"
FRAMES = 30  # more than the silence with which the switch opens NATs
COLUMNS = (
    *("caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp"),
    *("end_stamp", "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode"),
    *("ended_by", "audio", "peer_ip", "seen_at", "media_seen_at", "media_peer", "verdict"),
)


def configured(name: str, folder: Path, more: str = "", **parameters: str) -> Edit:
    home = {"cdr_csv": "log-base", "json_cdr": "log-dir"}[name]
    given = {home: str(folder), **parameters}
    lines = "".join(f'<param name="{key.replace("_", "-")}" value="{each}"/>' for key, each in given.items())
    settings = f"<settings>{lines}</settings>{more}"
    return lambda text: f'<configuration name="{name}.conf">{settings}</configuration>'


async def started(found: Callable[..., Any], edits: dict[str, Any]) -> Home:
    home: Home = await found({PUBLIC: RING_1000, **edits})
    await home.switch.start()
    await home.mapped()
    return home


async def written(home: Home, count: int) -> None:
    await home.quiet()
    records = home.switch.calls.records
    assert records is not None
    await eventually(lambda: records.written + records.lost >= count, "a record is not written")


def lines(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return [dict(zip(COLUMNS, row, strict=True)) for row in csv.reader(text)]


@pytest.fixture
async def home(found: Callable[..., Any], tmp_path: Path) -> Home:
    """Lines for both legs, with our columns, and JSON for both."""
    edits = {
        CSV: configured("cdr_csv", tmp_path, legs="ab", default_template="ringthru"),
        JSON: configured("json_cdr", tmp_path / "json", encode_values="false", prefix_a_leg="true"),
        DEFAULT: extension("7777", ("hangup", "USER_BUSY")),
    }
    return await started(found, edits)


class TestTheVerdict:
    async def test_a_caller_who_hears_himself_and_hangs_up(self, home: Home, tmp_path: Path) -> None:
        phone = home.far_phone("anna")
        call = phone.invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call, FRAMES)
        call.hang_up()
        await written(home, 2)
        (row,) = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert (row["caller_id_number"], row["destination_number"]) == ("anna", "9196")
        assert (row["ended_by"], row["audio"]) == ("caller", "both ways")
        assert (row["context"], row["hangup_cause"]) == ("public", "NORMAL_CLEARING")
        assert row["peer_ip"] == phone.address.host
        assert row["seen_at"] == str(home.reached_at("external"))  # what the gateway's other side is
        assert row["media_seen_at"].startswith(home.outside_address)
        assert row["media_peer"].startswith(phone.address.host)
        assert row["verdict"].endswith("audio both ways")

    async def test_who_ends_a_bridged_call_is_told_on_both_legs(self, home: Home, tmp_path: Path) -> None:
        callee, caller = await home.registered_phone(), home.far_phone("anna")
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung, FRAMES)
        rung.hang_up()
        await written(home, 4)
        rows = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert [row["ended_by"] for row in rows] == ["called", "called"]
        assert [row["audio"] for row in rows] == ["both ways", "both ways"]
        b, a = rows  # the leg that was hung up first is over first
        assert (a["bleg_uuid"], b["bleg_uuid"]) == (b["uuid"], a["uuid"])
        assert a["seen_at"].startswith(home.outside_address)
        assert b["seen_at"] == str(home.internal)

    async def test_audio_that_comes_from_nobody_names_the_address_to_look_at(
        self, home: Home, tmp_path: Path
    ) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await home.both_ways()
        frame = bytes([7]) * 160
        for _ in range(FRAMES):
            rung.say(frame)  # and the caller never says anything
        await eventually(lambda: call.audio.sources_of(frame), "nothing is heard")
        call.hang_up()
        await written(home, 4)
        a, b = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert (a["audio"], b["audio"]) == ("only to the peer", "only from the peer")
        assert f"nothing came to {a['media_seen_at']}" in a["verdict"]

    async def test_a_call_that_the_dialplan_ends(self, home: Home, tmp_path: Path) -> None:
        phone = await home.registered_phone("1001")
        call = phone.invite("7777", home.internal, password="correct-horse-7-battery")
        await call.refused()
        await written(home, 2)
        (row,) = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert (row["ended_by"], row["hangup_cause"], row["billsec"]) == ("switch", "USER_BUSY", "0")
        assert row["verdict"] == "not answered: ended by the switch (USER_BUSY)"
        assert row["answer_stamp"] == ""

    async def test_a_phone_that_will_not_take_it_and_a_caller_who_gives_up(
        self, home: Home, tmp_path: Path
    ) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        (await callee.rung()).reject(486)
        await call.refused()
        await written(home, 4)
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung(2)
        rung.ring()
        await call.ringing()
        call.hang_up()
        await written(home, 8)
        rows = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert [row["ended_by"] for row in rows[:2]] == ["called", "called"]
        assert [row["ended_by"] for row in rows[2:]] == ["caller", "caller"]


class TestTheFiles:
    async def test_json_has_the_usual_fields_and_ours(self, home: Home, tmp_path: Path) -> None:
        phone = home.far_phone("anna")
        call = phone.invite("9196", home.reached_at("external"))
        await call.answered()
        (channel,) = home.switch.calls.channels
        call.hang_up()
        await written(home, 2)
        record = json.loads((tmp_path / "json" / f"a_{channel}.cdr.json").read_text())
        assert record["core-uuid"] == home.switch.bus.core_uuid
        assert record["channel_data"]["direction"] == "inbound"
        variables, (flow,) = record["variables"], record["callflow"]
        expected = {
            "uuid": channel,
            "direction": "inbound",
            "hangup_cause": "NORMAL_CLEARING",
            "hangup_cause_q850": "16",
            "sip_hangup_disposition": "recv_bye",
            "sip_from_user": "anna",
            "sip_call_id": call.call.call_id,
            "read_codec": "PCMU",
            "rtp_audio_in_packet_count": "0",
            "ringthru_ended_by": "caller",
            "ringthru_seen_at": str(home.reached_at("external")),
        }
        assert {name: variables[name] for name in expected} == expected
        assert int(variables["start_uepoch"]) <= int(variables["answer_uepoch"])
        assert flow["caller_profile"]["destination_number"] == "9196"
        assert 0 < int(flow["times"]["answered_time"]) <= int(flow["times"]["hangup_time"])

    async def test_how_it_sounded_is_told_while_it_lasts_and_when_it_is_over(
        self, home: Home, tmp_path: Path
    ) -> None:
        call = home.far_phone("anna").invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call, FRAMES)
        (channel,) = home.switch.calls.channels
        picture = home.switch.picture(channel)
        assert picture is not None
        assert 4 < float(dict(picture.headers)["variable_rtp_audio_in_mos"]) < 4.5
        assert 4 < float(home.switch.channel_variable(channel, "rtp_audio_in_mos") or 0) < 4.5
        call.hang_up()
        await written(home, 2)
        record = json.loads((tmp_path / "json" / f"a_{channel}.cdr.json").read_text())["variables"]
        assert 4 < float(record["rtp_audio_in_mos"]) < 4.5
        assert 80 < float(record["rtp_audio_in_quality_percentage"]) < 93.3
        assert record["rtp_audio_in_jitter_loss_rate"] == "0.00"
        assert "ringthru_out_mos" not in record  # this phone sends no RTCP

    async def test_a_name_cannot_make_a_second_cell_or_line(self, home: Home, tmp_path: Path) -> None:
        phone = home.far_phone("anna")
        display = ("P-Asserted-Identity", '"x" <sip:1@a>')
        call = phone.invite("9196", home.reached_at("external"), headers=(display,))
        await call.answered()
        channel = next(iter(home.switch.calls.channels.values()))
        channel.caller = type(channel.caller)('a","b\r\nc', "1")
        call.hang_up()
        await written(home, 2)
        (row,) = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert row["caller_id_name"] == 'a","b  c'

    async def test_an_account_has_a_file_and_a_template_of_its_own_inside_the_folder(
        self, found: Callable[..., Any], tmp_path: Path
    ) -> None:
        template = '<templates><template name="../../evil">${accountcode} ${billsec}</template></templates>'
        account = extension("8000", ("set", "accountcode=../../evil"), ("hangup", "USER_BUSY"))
        edits = {CSV: configured("cdr_csv", tmp_path / "log", template), PUBLIC: [RING_1000, account]}
        home = await started(found, edits)
        call = home.far_phone().invite("8000", home.reached_at("external"))
        await call.refused()
        await written(home, 2)
        files = {path.name: path.read_text() for path in (tmp_path / "log" / "cdr-csv").iterdir()}
        assert set(files) == {"Master.csv", "_.._evil.csv"}
        assert files["_.._evil.csv"] == "../../evil 0\n"

    async def test_a_hang_up_signal_begins_them_anew(self, found: Callable[..., Any], tmp_path: Path) -> None:
        edits = {
            CSV: configured("cdr_csv", tmp_path, rotate_on_hup="true"),
            JSON: configured("json_cdr", tmp_path / "json", rotate="true"),
        }
        home = await started(found, edits)
        phone = home.far_phone()
        for number in (2, 4):
            call = phone.invite("9196", home.reached_at("external"))
            await call.answered()
            call.hang_up()
            await written(home, number)
            home.switch.bus.tell("TRAP", (("Trapped-Signal", "HUP"),))
        folder = tmp_path / "cdr-csv"
        await eventually(lambda: not (folder / "Master.csv").exists(), "nothing was moved aside")
        rows = [line for path in folder.iterdir() for line in path.read_text().splitlines()]
        assert len(rows) == 2
        assert len(list((tmp_path / "json").rglob("*.cdr.json"))) == 2
        assert [path.is_dir() for path in (tmp_path / "json").iterdir()].count(True) == 1

    async def test_a_program_that_reads_them_has_them_begun_anew(
        self, found: Callable[..., Any], tmp_path: Path, logs: Any
    ) -> None:
        edits = {
            CSV: configured("cdr_csv", tmp_path, rotate_on_hup="true"),
            JSON: configured("json_cdr", tmp_path / "json", rotate="true"),
        }
        home = await started(found, edits)
        table = standard_table(logs)
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        call.hang_up()
        await written(home, 2)
        assert await table.run(home.switch, "cdr_csv rotate") == "+OK"
        (kept,) = (tmp_path / "cdr-csv").iterdir()
        assert kept.name.startswith("Master.csv.20")
        assert kept.read_text().count("\n") == 1
        assert not any(each.is_dir() for each in (tmp_path / "json").iterdir()), "JSON is not meant"
        assert await table.run(home.switch, "cdr_csv") == "-USAGE: rotate\n"

    async def test_where_none_are_written_it_is_said(self, found: Callable[..., Any], logs: Any) -> None:
        home = await started(found, {CSV: lambda text: "<include/>"})
        said = await standard_table(logs).run(home.switch, "cdr_csv rotate")
        assert said.startswith("-ERR no records are written as CSV")

    async def test_a_place_that_cannot_be_written_is_said_once_and_counted(
        self, found: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("no folder")
        home = await started(found, {CSV: configured("cdr_csv", tmp_path / "file")})
        phone = home.far_phone()
        for number in (1, 2):
            call = phone.invite("9196", home.reached_at("external"))
            await call.answered()
            call.hang_up()
            await written(home, number)
        assert home.switch.calls.records is not None
        assert home.switch.calls.records.lost == 2
        said = [each.getMessage() for each in caplog.records if "Records of calls are lost" in each.message]
        assert len(said) == 1
        assert "Not a directory" in said[0]

    async def test_a_stop_writes_what_waits(self, home: Home, tmp_path: Path) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        await home.switch.stop()
        (row,) = lines(tmp_path / "cdr-csv" / "Master.csv")
        assert (row["hangup_cause"], row["ended_by"]) == ("SYSTEM_SHUTDOWN", "switch")


class TestWhoWantsThem:
    async def test_nobody_in_the_tree_that_we_ship(self, found: Callable[..., Any]) -> None:
        home = await found()
        assert home.switch.calls.records is None

    async def test_a_tree_with_a_list_of_modules_has_those_it_loads(
        self, found: Callable[..., Any], tmp_path: Path
    ) -> None:
        loaded = '<modules><load module="mod_json_cdr"/></modules>'
        modules = f'<configuration name="modules.conf">{loaded}</configuration>'
        edits = {
            CSV: configured("cdr_csv", tmp_path),
            JSON: lambda text: configured("json_cdr", tmp_path)(text) + modules,
        }
        home = await found(edits)
        settings = home.switch.calls.records._settings
        assert settings.csv is None
        assert settings.json is not None
