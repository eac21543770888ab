"""What a context lets strangers do, read off its extensions as a dialplan file has them."""

from __future__ import annotations

import pytest

from ringthru.doctor.strangers import leading_on
from ringthru.switch.configuration import Dialplan, load_tree

PLAIN = '<condition field="destination_number" expression="^1$">'
FIELD = 'field="${sip_gateway_name}"'
PROVIDER = f'<condition {FIELD} expression="^.+$"/>'
ANYBODY = f'<condition {FIELD} expression=".*"/>'
NO_END = f'<condition {FIELD} expression="^.+$" break="never"/>'
WITHIN = f'<condition {FIELD} expression="^.+$">'
NESTED = '<condition field="network_addr" expression="^1">'
BRIDGE = '<action application="bridge" data="user/1000"/>'
OTHERWISE = '<anti-action application="transfer" data="2"/>'


@pytest.fixture
def read(tmp_path):
    def extensions(inside: str):
        (tmp_path / "freeswitch.xml").write_text(
            '<document type="freeswitch/xml"><section name="dialplan"><context name="public">'
            f'<extension name="it">{inside}</extension></context></section></document>'
        )
        return Dialplan.read(load_tree(tmp_path, {}, {}).tree).contexts["public"]

    return extensions


@pytest.mark.parametrize(
    ("inside", "leads"),
    [
        (f'{PLAIN}<action application="answer"/><action application="echo"/></condition>', ()),
        (f"{PLAIN}{BRIDGE}</condition>", ("it (bridge)",)),
        (f"{PLAIN}{NESTED}{BRIDGE}</condition></condition>", ("it (bridge)",)),
        (f'{PLAIN}<action application="something_new"/></condition>', ("it (something_new)",)),
        # For providers alone
        (f"{PROVIDER}{PLAIN}{BRIDGE}</condition>", ()),
        (f"{WITHIN}{BRIDGE}</condition>", ()),
        # An empty name does as well, a condition that ends nothing, and what is done where it does not hold
        (f"{ANYBODY}{PLAIN}{BRIDGE}</condition>", ("it (bridge)",)),
        (f"{NO_END}{PLAIN}{BRIDGE}</condition>", ("it (bridge)",)),
        (f"{WITHIN}{OTHERWISE}</condition>", ("it (transfer)",)),
    ],
)
def test_who_gets_further(read, inside, leads):
    assert leading_on(read(inside)) == leads
