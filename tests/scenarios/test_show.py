"""``show``, against a switch with phones: every list, in every form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from .home import Home, Say
from .parked import PLACES, parked


@pytest.fixture
def edits() -> dict[str, Any]:
    return PLACES


class TestShow:
    async def test_channels_in_every_form(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        (row,) = json.loads(await say("show channels as json"))["rows"]
        assert (row["uuid"], row["dest"], row["callstate"], row["read_codec"]) == (
            uuid,
            "77",
            "ACTIVE",
            "PCMU",
        )
        (line,) = csv.DictReader(io.StringIO((await say("show channels")).partition("\n\n")[0]))
        assert line == row
        piped = (await say("show channels as delim |")).splitlines()
        assert piped[1].split("|")[0] == uuid
        assert f"<uuid>{uuid}</uuid>" in await say("show channels as xml")
        assert await say("show channels count") == "\n1 total.\n"
        assert await say("show channels count as json") == '{"row_count":1,"rows":[]}'
        assert await say("show channels count as xml") == '<result row_count="1"/>\n'
        assert uuid in await say("show channels like STRANGER")
        assert await say("show channels like nobody") == "\n0 total.\n"

    @pytest.mark.parametrize(
        "name",
        ["nat_map", "channels", "calls", "registrations", "tasks", "api", "modules", "aliases", "complete"],
    )
    async def test_every_list_in_every_form(self, home: Home, say: Say, name: str) -> None:
        await home.registered_phone()
        await parked(home)
        await say("alias add nm nat_map status")
        await say("nat_map add 4711 udp")
        head, *rows = csv.reader(io.StringIO((await say(f"show {name}")).partition("\n\n")[0]))
        assert rows
        count = len(rows)
        as_json = json.loads(await say(f"show {name} as json"))
        assert (as_json["row_count"], list(as_json["rows"][0])) == (count, head)
        root = ElementTree.fromstring(await say(f"show {name} as xml"))
        assert [root.get("row_count"), [each.tag for each in root[0]]] == [str(count), head]
        assert (await say(f"show {name} as delim ~")).splitlines()[0].split("~") == head
        assert await say(f"show {name} as csv") == await say(f"show {name}")
        assert await say(f"show {name} count") == f"\n{count} total.\n"
        assert await say(f"show {name} as pdf") == "-ERR Cannot find format pdf\n"

    async def test_phones(self, home: Home, say: Say) -> None:
        phone = await home.registered_phone()
        (row,) = json.loads(await say("show registrations as json"))["rows"]
        assert (row["reg_user"], row["network_ip"], row["network_proto"]) == (
            "1000",
            phone.address.host,
            "udp",
        )
        assert row["url"].startswith("sofia/internal/")

    async def test_what_there_is(self, say: Say) -> None:
        assert "bridge," in await say("show application")
        modules = await say("show modules")
        assert "endpoint,sofia,mod_sofia," in modules
        assert "generic,mod_event_socket,mod_event_socket," in modules
        assert {line.split(",")[2] for line in (await say("show modules mod_sofia")).splitlines()[1:-2]} == {
            "mod_sofia"
        }
        assert await say("show api hostname") == (
            "name,description,syntax,ikey\nhostname,Return the system hostname,,mod_commands\n\n1 total.\n"
        )
        assert "limit,hash,mod_hash" in await say("show limits")
        assert await say("show management") == "\n0 total.\n"
        assert await say("show files") == await say("show file")
        assert (await say("show status")).startswith("UP 0 years")
        assert "codec,G.711 ulaw,mod_g711" in await say("show codec")
        assert "endpoint,sofia,mod_sofia" in await say("show endpoint")
        assert "application,answer,mod_dptools" in await say("show interfaces")
        types = (await say("show interface_types")).splitlines()
        assert types[0] == "type,total"
        assert "codec,4" in types or "codec,2" in types

    async def test_what_tab_offers(self, say: Say) -> None:
        assert "0,nat_map,reinit," in await say("show complete")
        assert await say("complete add greet the world") == "+OK\n"
        assert "0,greet,the,world,," in await say("show complete")
        assert "write=2:the " in await say("console_complete greet th")
        assert await say("complete del *") == "+OK\n"
        assert "greet" not in await say("show complete")
        assert await say("complete what") == "-USAGE: add <word>|del [<word>|*]\n"
