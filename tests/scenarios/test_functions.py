"""The functions of ``${name(…)}`` that ask the switch: directory, registrations, channels."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.switch.dialplan.functions import FUNCTION_NAMES

from .home import DIRECTORY, Home


@pytest.fixture
async def home(found: Any) -> Home:
    attributes = '<user id="1000" cidr="10.0.0.0/8" number-alias="42">'
    made: Home = await found({DIRECTORY: lambda text: text.replace('<user id="1000">', attributes)})
    await made.switch.start()
    return made


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("user_exists(id 1000 DOMAIN)", "true"),
        ("user_exists(id 42 DOMAIN)", "true"),
        ("user_exists(id 4711 DOMAIN)", "false"),
        ("user_exists(id 1000 nowhere)", "false"),
        ("user_exists()", "false"),
        ("user_data(1000@DOMAIN var effective_caller_id_number)", "1000"),
        ("user_data(1000 var user_context)", "default"),
        ("user_data(1000 attr cidr)", "10.0.0.0/8"),
        ("user_data(42 attr id)", "1000"),
        ("user_data(1000 param dial-string)", "${sofia_contact(*/${dialed_user}@${dialed_domain})}"),
        ("user_data(1000 param password)", ""),
        ("user_data(4711 var user_context)", ""),
        ("user_data()", ""),
        ("domain_exists(DOMAIN)", "true"),
        ("domain_exists(nowhere)", "false"),
        ("group_call(default)", "user/1000@DOMAIN,user/1001@DOMAIN,user/1002@DOMAIN,user/1003@DOMAIN"),
        (
            "group_call(default@DOMAIN+F)",
            "user/1000@DOMAIN|user/1001@DOMAIN|user/1002@DOMAIN|user/1003@DOMAIN",
        ),
        ("group_call(nobody)", "error/NO_ROUTE_DESTINATION"),
        ("sofia_contact(1000@DOMAIN)", "error/user_not_registered"),
        ("uuid_exists(x)", "false"),
        ("uuid_getvar(x y)", ""),
        ("global_getvar(domain)", "DOMAIN"),
        ("toupper(abc)", "ABC"),
        ("url_encode(a b)", "a%20b"),
        ("md5(a)", "0cc175b9c0f1b6a831c399e269772661"),
        ("nobody_knows(x)", ""),
    ],
)
async def test_what_it_answers(home: Home, text: str, answer: str) -> None:
    domain = home.address
    lookup = home.switch.calls.router.lookup()
    assert (lookup(text.replace("DOMAIN", domain)) or "") == answer.replace("DOMAIN", domain)


async def test_those_that_are_named_are_there(home: Home) -> None:
    assert set(home.switch.calls.router.functions._known) == FUNCTION_NAMES


async def test_others_can_be_added(home: Home) -> None:
    home.switch.calls.router.functions.add("twice", lambda text: text * 2)
    assert home.switch.calls.router.lookup()("twice(ab)") == "abab"


async def test_a_registered_user_is_found_by_his_profile(home: Home) -> None:
    phone = await home.registered_phone("1000")
    lookup = home.switch.calls.router.lookup()
    expected = f"sofia/internal/sip:1000@{phone.address}"
    for argument in (f"1000@{home.address}", f"*/1000@{home.address}", f"internal/1000@{home.address}"):
        assert lookup(f"sofia_contact({argument})") == expected
    assert lookup(f"sofia_contact(external/1000@{home.address})") == "error/user_not_registered"
