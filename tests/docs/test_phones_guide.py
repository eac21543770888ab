"""The page about phones and providers names parameters that exist, with the defaults that hold."""

from __future__ import annotations

import re

import pytest

from ringthru.net.values import replace
from ringthru.switch.configuration import RegistrationSettings, SwitchSettings, load_profiles, load_tree
from ringthru.switch.configuration.registration_settings import (
    REGISTRATION_PARAMETERS,
    REGISTRATION_REPEATABLE,
)
from ringthru.switch.configuration.settings import PROFILE_PARAMETERS
from ringthru.switch.configuration.switch_settings import SWITCH_PARAMETERS
from ringthru.switch.configuration.trunk_settings import TRUNK_PARAMETERS

from .conftest import DOCS

PAGE = (DOCS / "guide" / "phones-and-providers.md").read_text()
PHONES, PROVIDERS, STRANGERS, _ = re.split(
    r"^## (?:Providers|Strangers|While it runs)$", PAGE, flags=re.MULTILINE
)
ROW = re.compile(r"^\| (`[^|]+`) \| ([^|]*) \|", re.MULTILINE)
USERS_OWN = {"sip-force-contact"}


def rows(text: str) -> dict[str, str]:
    """Parameters to the text of their default; ``-max`` stands for the name before it with that end."""
    found = {}
    for names, defaults in ROW.findall(text):
        several = re.findall(r"`([^`]+)`", names)
        values = [each.strip() for each in defaults.split(",")]
        for number, name in enumerate(several):
            full = several[0].removesuffix("-min") + name if name.startswith("-") else name
            found[full] = values[number] if len(values) == len(several) else ""
    return found


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            PHONES,
            {*REGISTRATION_PARAMETERS, *REGISTRATION_REPEATABLE, *PROFILE_PARAMETERS, *USERS_OWN},
        ),
        (PROVIDERS, {*TRUNK_PARAMETERS}),
        (STRANGERS, {*SWITCH_PARAMETERS}),
    ],
)
def test_what_is_named_exists(text, known):
    assert {name.lower() for name in rows(text)} <= known


def test_everything_about_registrations_and_trunks_is_named():
    assert {*REGISTRATION_PARAMETERS, *REGISTRATION_REPEATABLE} <= {
        each.lower() for each in mentioned(PHONES)
    }
    assert {*TRUNK_PARAMETERS} <= mentioned(PROVIDERS)


def mentioned(text):
    words = set(re.findall(r"`([\w-]+)(?:=\w+)?`", text))
    return words | set(rows(text))


def test_the_defaults_are_these():
    written = {name.replace("-", "_"): value.strip("`") for name, value in rows(PHONES).items()}
    ours = {**vars_of(RegistrationSettings()), **vars_of(SwitchSettings())}
    written |= {name.replace("-", "_"): value for name, value in rows(STRANGERS).items()}
    for name, value in written.items():
        if value and name in ours and name != "nat_options_ping":
            default = ours[name]
            shown = ",".join(default) if isinstance(default, tuple) else str(default)
            assert value.lower() == shown.lower(), name


def vars_of(settings):
    return {name: getattr(settings, name) for name in type(settings).__match_args__}


def test_the_provider_of_the_page_is_read(tmp_path):
    block = re.search(r"```xml\n<include>\n(.*?)</include>", PAGE, re.DOTALL)
    assert block is not None
    (tmp_path / "freeswitch.xml").write_text(
        '<document><section name="configuration"><configuration name="sofia.conf"><profiles>'
        f'<profile name="external"><gateways>{block[1]}</gateways></profile>'
        "</profiles></configuration></section></document>"
    )
    (profile,) = load_profiles(load_tree(tmp_path, {}, {}).tree)
    (trunk,) = profile.trunks
    assert (trunk.realm, trunk.proxy, trunk.extension) == ("example.com", "sip.example.com", "1000")
    assert replace(trunk, password="") != trunk
