"""acl.conf on top of the built-in lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.net.levels import NOTICE
from ringthru.switch.configuration import ConfigurationError, Directory, load_access_lists, load_tree

LAN = "192.168.1.0/24"
DIRECTORY = (
    '<section name="directory"><domain name="office"><user id="1" cidr="10.1.0.0/16, 198.51.100.7/32"/>'
    '<user id="2"/></domain></section>'
)


@pytest.fixture
def lists(tmp_path: Path):
    def run(text: str):
        acl = f'<configuration name="acl.conf"><network-lists>\n{text}\n</network-lists></configuration>'
        document = f'<document><section name="configuration">{acl}</section>{DIRECTORY}</document>'
        (tmp_path / "freeswitch.xml").write_text(document)
        tree = load_tree(tmp_path, {}, {}).tree
        return load_access_lists(tree, Directory.read(tree), LAN)

    return run


class TestNodes:
    def test_cidr_host_and_mask(self, lists):
        made = lists(
            '<list name="a" default="deny"><node type="allow" cidr="10.0.0.0/8"/>'
            '<node type="deny" host="10.9.0.0" mask="255.255.0.0"/>'
            '<node type="allow" host="192.0.2.1"/></list>'
        )["a"]
        answers = {
            address: made.allows(address) for address in ("10.1.1.1", "10.9.1.1", "192.0.2.1", "192.0.2.2")
        }
        assert answers == {"10.1.1.1": True, "10.9.1.1": False, "192.0.2.1": True, "192.0.2.2": False}

    @pytest.mark.parametrize(
        "ports", ['port="5060"', 'ports="5060"', 'ports="5058-5061"', 'ports="80, 5060"']
    )
    def test_a_node_may_be_for_some_ports_alone(self, lists, ports):
        made = lists(f'<list name="a" default="deny"><node type="allow" cidr="192.0.2.0/24" {ports}/></list>')
        assert made["a"].allows("192.0.2.1", 5060)
        assert not made["a"].allows("192.0.2.1", 5070)
        assert made["a"].allows("192.0.2.1")  # nobody knows from which
        assert not made["a"].allows("192.0.3.1", 5060)

    def test_for_other_ports_a_wider_network_decides(self, lists):
        made = lists(
            '<list name="a" default="deny"><node type="allow" cidr="192.0.2.0/24"/>'
            '<node type="deny" cidr="192.0.2.1/32" ports="1024-65535"/></list>'
        )["a"]
        assert [made.allows("192.0.2.1", port) for port in (5060, 80)] == [False, True]

    def test_domain_takes_the_networks_of_its_users(self, lists):
        made = lists('<list name="a" default="deny"><node type="allow" domain="OFFICE"/></list>')["a"]
        assert made.allows("10.1.2.3")
        assert made.allows("198.51.100.7")
        assert not made.allows("198.51.100.8")

    def test_an_unknown_domain_is_pointed_out(self, lists, caplog):
        lists('<list name="a" default="deny"><node type="allow" domain="nobody"/></list>')
        assert "no domain 'nobody'; node ignored" in caplog.text

    @pytest.mark.parametrize(
        "text",
        [
            '<list name="a" default="deny"><node type="allow" cidr="10.0.0.0/99"/></list>',
            '<list name="a" default="deny"><node type="allow" host="pbx.example"/></list>',
            '<list name="a" default="deny"><node type="allow"/></list>',
            '<list name="a" default="deny"><node type="allow" cidr="10.0.0.0/8" port="0"/></list>',
            '<list name="a" default="deny"><node type="allow" cidr="10.0.0.0/8" ports="9-5"/></list>',
            '<list name="a" default="deny"><node type="allow" cidr="10.0.0.0/8" ports="sip"/></list>',
            '<list name="a" default="deny"><node type="perhaps" cidr="10.0.0.0/8"/></list>',
            '<list name="a" default="perhaps"/>',
            '<list default="deny"/>',
        ],
    )
    def test_nonsense_names_file_and_line(self, lists, text):
        with pytest.raises(ConfigurationError, match=r"freeswitch.xml:2: "):
            lists(text)


class TestLists:
    def test_the_built_in_ones_are_there_without_a_file(self, lists):
        made = lists("")
        assert made["localnet.auto"].allows("192.168.1.5")
        assert made["rfc1918.auto"].allows("10.1.2.3")
        assert not made["nat.auto"].allows("192.168.1.5")

    def test_a_list_with_a_built_in_name_replaces_it(self, lists):
        made = lists('<list name="loopback.auto" default="deny"/>')
        assert not made["loopback.auto"].allows("127.0.0.1")

    def test_allow_as_default(self, lists):
        assert lists('<list name="a" default="allow"/>')["a"].allows("203.0.113.9")

    def test_no_default_means_deny(self, lists, caplog):
        assert not lists('<list name="a"/>')["a"].allows("203.0.113.9")
        assert "deny is assumed" in caplog.text

    def test_the_log_says_it_in_freeswitchs_words(self, lists, caplog):
        caplog.set_level(NOTICE)
        lists('<list name="lan" default="allow"><node type="deny" cidr="192.168.42.0/24"/></list>')
        assert [record.getMessage() for record in caplog.records] == [
            "Created ip list lan default (allow)",
            "Adding 192.168.42.0/24 (deny) to list lan",
        ]
        assert {record.levelno for record in caplog.records} == {NOTICE}
