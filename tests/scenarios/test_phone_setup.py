"""What the console tells somebody who holds a phone in his hand; and a phone that is given just that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.net.address import Endpoint

from .home import DIRECTORY, INTERNAL_XML, PASSWORD, VARS, Home, setting, variables

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "phones-and-providers.md").read_text()


async def told(home: Home, logs: Logs, line: str = "phone_setup") -> str:
    return await standard_table(logs).run(home.switch, line)


async def test_a_phone_that_is_given_what_it_says_registers(home: Home, logs: Logs) -> None:
    text = await told(home, logs, "phone_setup 1002")
    given = dict(re.findall(r"^  (\w+) +(\S+)", text, re.MULTILINE))
    assert given == {"server": home.address, "port": "5060", "user": "1002", "password": PASSWORD}
    assert "5060 (UDP or TCP)\n" in text
    phone = home.lan_phone(given["user"])
    at = Endpoint(given["server"], int(given["port"]))
    assert (await phone.register(at, given["password"])).status == 200
    outside = home.reached_at("internal")
    assert f"with server {outside.host}, port {outside.port}.\n" in text


async def test_the_guide_shows_what_it_says(home: Home, logs: Logs) -> None:
    (shown,) = re.findall(r"> phone_setup 1001\n(.*?)```", GUIDE, re.DOTALL)
    text = await told(home, logs, "phone_setup 1001")
    for there, here in (
        (home.address, "192.168.1.103"),
        (home.outside_address, "203.0.113.9"),
        (PASSWORD, "…"),
    ):
        text = text.replace(there, here)
    assert text == shown


async def test_without_a_name_it_is_the_first_user(home: Home, logs: Logs) -> None:
    assert (await told(home, logs)).startswith("What to type into a phone for 1000:\n")


async def test_who_is_not_there(home: Home, logs: Logs) -> None:
    text = "-ERR the directory has no such user; it has 1000 1001 1002 1003\n"
    assert await told(home, logs, "phone_setup 7777") == text
    assert (await told(home, logs, "phone_setup 1000 1001")).startswith("-USAGE: ")


async def test_a_domain_with_a_name_is_told_beside_the_server(found: Any, logs: Logs) -> None:
    home: Home = await found({VARS: variables(domain="pbx.example.org")})
    await home.switch.start()
    assert re.search(r"^  domain +pbx\.example\.org$", await told(home, logs), re.MULTILINE)


async def test_tls_and_no_gateway_and_a_hash(found: Any, logs: Logs) -> None:
    a1 = f'name="a1-hash" value="{"0" * 32}"'
    home: Home = await found(
        {
            VARS: variables(internal_ssl_enable="true"),
            DIRECTORY: lambda text: text.replace('name="password" value="$${default_password}"', a1, 1),
        },
        gateway=False,
    )
    await home.switch.start()
    text = await told(home, logs)
    assert "5060 (UDP or TCP), 5061 (TLS)\n" in text
    assert "the one that its a1-hash was made of\n" in text
    assert "From outside it cannot register now" in text


async def test_nobody_may_register(found: Any, logs: Logs) -> None:
    home: Home = await found({INTERNAL_XML: setting("disable-register", "true"),
                              "sip_profiles/external.xml": setting("disable-register", "true")})  # fmt: skip
    await home.switch.start()
    assert await told(home, logs) == "-ERR no profile runs that phones may register at\n"
