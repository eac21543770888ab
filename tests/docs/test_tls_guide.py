"""What the guide to TLS tells people to write is what the switch reads."""

from __future__ import annotations

import re

import pytest

from ringthru.switch.configuration.settings import PROFILE_PARAMETERS
from ringthru.switch.configuration.values import POLICY_WORDS
from ringthru.switch.state import default_tree

from .conftest import DOCS

TEXT = (DOCS / "guide" / "tls.md").read_text()
PARAMETERS = re.findall(r'<param name="([\w-]+)" value="([^"]*)"/>', TEXT)


@pytest.mark.parametrize(("name", "value"), PARAMETERS)
def test_every_parameter_is_one(name, value):
    PROFILE_PARAMETERS[name](value.replace("$${local_ip_v6}", "2001:db8::7"))


def test_every_policy_is_told():
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(POLICY_WORDS)


def test_every_variable_is_in_the_default_tree():
    named = re.findall(r'cmd="set" data="(\w+)=', TEXT)
    variables = (default_tree() / "vars.xml").read_text()
    assert len(named) == 2
    for name in named:
        assert f'data="{name}=false"' in variables
