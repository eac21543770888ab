"""The configuration is changed while the switch runs: all of it holds, or nothing."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from .home import DEFAULT, DIRECTORY, EXTERNAL_XML, PASSWORD, VARS, Home, extension, setting
from .phones import hears_itself
from .waiting import eventually


@pytest.fixture
async def home(found: Any) -> Home:
    made: Home = await found({DEFAULT: extension("77", ("respond", "486"))})
    await made.switch.start()
    return made


def edit(home: Home, name: str, old: str, new: str) -> None:
    file = home.folder / "conf" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


async def status_of(home: Home, number: str) -> int:
    call = home.lan_phone("1001").invite(number, home.internal, password=PASSWORD)
    return (await call.refused()).status


class TestAChange:
    async def test_of_the_dialplan_holds_at_once(self, home: Home) -> None:
        assert await status_of(home, "77") == 486
        edit(home, DEFAULT, 'data="486"', 'data="$${wanted}"')
        edit(home, VARS, "</include>", '<X-PRE-PROCESS cmd="set" data="wanted=403"/></include>')
        assert await home.switch.reload() == "Success"
        assert await status_of(home, "77") == 403
        assert home.switch.variables["wanted"] == "403"

    async def test_of_the_directory_holds_for_phones(self, home: Home) -> None:
        phone = home.lan_phone("1009")
        assert (await phone.register(home.internal, PASSWORD)).status == 401
        edit(home, DIRECTORY, '<user id="1003">', '<user id="1009">')
        assert await home.switch.reload() == "Success"
        assert (await phone.register(home.internal, PASSWORD, number=5)).status == 200
        assert await home.switch.originate("user/1003", "&park") == "-ERR SUBSCRIBER_ABSENT"

    async def test_of_the_lists_holds_for_profiles(self, home: Home) -> None:
        edit(home, "autoload_configs/acl.conf.xml", '<list name="domains" default="deny"/>',
             '<list name="domains" default="allow"/>')  # fmt: skip
        assert (await home.lan_phone("x").invite("9196", home.internal).refused()).status == 407
        assert await home.switch.reload() == "Success"
        assert (await home.lan_phone("x").invite("4711", home.internal).refused()).status == 404

    async def test_leaves_calls_in_progress_alone(self, home: Home) -> None:
        call = home.lan_phone("1001").invite("9196", home.internal, password=PASSWORD)
        await call.answered()
        edit(home, DEFAULT, "(9196|9996)", "(9100)")
        assert await home.switch.reload() == "Success"
        await hears_itself(call)
        assert await status_of(home, "9196") == 404


class TestTheGatewaysAddress:
    """Files that name it are read before there is one; nobody types reloadxml, and nothing waits."""

    async def test_is_in_the_files_as_soon_as_there_is_one(self, found: Any) -> None:
        named = "autonat:$${nat_public_addr}"

        def written(text: str) -> str:
            return setting("ext-rtp-ip", named)(setting("ext-sip-ip", named)(text))

        answers = extension("77", ("set", "kind=$${nat_type}"), ("respond", "486"))
        home = await found({EXTERNAL_XML: written, DEFAULT: answers})
        await home.switch.start()

        def known() -> bool:
            (external,) = [each for each in home.switch.snapshot().profiles if each.name == "external"]
            return bool(external.ext_sip_ip == home.outside_address)

        await eventually(known, "the profile has another address")
        assert home.switch.variables["nat_type"] == "pmp"
        assert home.switch.variables["nat_private_addr"] == home.address

    async def test_is_not_looked_for_in_files_that_do_not_name_it(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        home = await found()
        await home.switch.start()
        await home.mapped()
        assert "it is read again" not in caplog.text


class TestAMistake:
    @pytest.mark.parametrize(
        ("name", "old", "new", "said"),
        [
            (DEFAULT, 'expression="^77$"', 'expression="^(77$"', "is not a regular expression"),
            (DEFAULT, "</context>", "", "not well-formed XML"),
            (DEFAULT, 'application="respond"', 'application=""', "without an application"),
            (DIRECTORY, '<user id="1003">', "<user>", "a user without an id"),
            (DIRECTORY, "</domain>", "<", "not well-formed XML"),
            ("autoload_configs/acl.conf.xml", 'cidr="127.0.0.0/24"', 'cidr="here"', "is not a network"),
        ],
    )
    async def test_is_named_and_the_old_tree_holds(
        self, home: Home, name: str, old: str, new: str, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        edit(home, VARS, "</include>", '<X-PRE-PROCESS cmd="set" data="half=done"/></include>')
        edit(home, name, old, new)
        answer = await home.switch.reload()
        assert said in answer
        assert re.search(re.escape(f"{home.folder}/conf/{name}") + r":[1-9]\d*: ", answer)
        assert "the old one holds" in caplog.text
        assert await status_of(home, "77") == 486
        assert "half" not in home.switch.variables
        assert (await home.lan_phone("1003").register(home.internal, PASSWORD)).status == 200

    async def test_a_file_that_is_gone(self, home: Home) -> None:
        (home.folder / "conf" / "freeswitch.xml").unlink()
        assert "no configuration found" in await home.switch.reload()

    async def test_and_it_can_be_mended(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        edit(home, DEFAULT, 'data="486"', 'data="486')
        assert await home.switch.reload() != "Success"
        edit(home, DEFAULT, 'data="486', 'data="403"')
        assert await home.switch.reload() == "Success"
        assert await status_of(home, "77") == 403
