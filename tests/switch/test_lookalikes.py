"""Trees as FreeSWITCH's are: they load, mean what they mean there, and what changes nothing here is named."""

from __future__ import annotations

import collections
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.net.surroundings import Surroundings
from ringthru.switch.checking import check_tree
from ringthru.switch.configuration import (
    AddressKind,
    Dialplan,
    Directory,
    SwitchSettings,
    load_profiles,
    load_tree,
)
from ringthru.switch.configuration.console_settings import ConsoleSettings

from .lookalikes import bench, minimal, vanilla, write

DAMAGE = ("", "<", ">", '"', "&", "$${", "</section>", "<x>", "\0", "é", "<!--", "-->", "]]>", "=")
HERE = Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1")
BUILT_IN = {"local_ip_v4": "192.168.1.103", "local_ip_v6": "2001:db8::103"}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "conf"


class TestVanilla:
    @pytest.fixture
    def tree(self, conf, tmp_path):
        files = vanilla(str(tmp_path / "witness"))
        assert len(files) == 203
        return load_tree(write(files, conf), BUILT_IN, {"HOME": "/home/x"})

    def test_loads_and_runs_nothing(self, tree, tmp_path):
        (warning,) = tree.warnings
        assert "exec-set" in warning
        assert "ignored" in warning
        assert not (tmp_path / "witness").exists()

    def test_every_command_of_the_text_stage_did_its_work(self, tree):
        wanted = {"domain_name": "192.168.1.103", "odd": "yes", "home": "/home/x",
                  "us-ring": "%(2000,4000,440,480)", "outbound_codec_prefs": "OPUS,G722,PCMU,PCMA,H264,VP8",
                  "external_sip_ip": "stun:stun.example.org"}  # fmt: skip
        assert {name: tree.variables[name] for name in wanted} == wanted

    def test_profiles_users_contexts_and_numbers(self, tree):
        profiles = {each.name: each for each in load_profiles(tree.tree)}
        assert [(name, each.sip_port) for name, each in profiles.items()] == [
            *(("external", 5080), ("internal-ipv6", 5060), ("internal", 5060)),
        ]
        assert profiles["internal"].ext_sip_ip.kind is AddressKind.STUN
        assert profiles["internal"].registration.apply_nat_acl == ("nat.auto",)
        assert len(Directory.read(tree.tree).users()) == 20
        assert set(Dialplan.read(tree.tree).contexts) == {"default", "public", "features"}
        assert SwitchSettings.read(tree.tree).max_sessions == 1000
        console = ConsoleSettings.read(tree.tree)
        assert (console.colorize, console.loglevel, len(console.levels)) == (True, "info", 8)


class TestTheOthers:
    @pytest.mark.parametrize("files", [minimal(), bench()], ids=["minimal", "testing"])
    def test_load_and_ask_the_gateway(self, conf, files):
        tree = load_tree(write(files, conf), BUILT_IN, {})
        assert tree.warnings == ()
        assert {each.ext_sip_ip.kind for each in load_profiles(tree.tree)} == {AddressKind.AUTO_NAT}


class TestWhatChangesNothing:
    def test_is_named_once_each(self, conf, tmp_path):
        report = check_tree(write(vanilla("x"), conf), tmp_path, HERE)
        assert report.errors == ()
        assert all("ignored" in each.text or "not used" in each.text for each in report.ignored)
        places = collections.Counter((each.position, each.ignored) for each in report.ignored)
        assert set(places.values()) == {1}
        said = "\n".join(each.text for each in report.ignored)
        for name in ("ws-binding", "log-level", "dump-cores"):
            assert name in said, name
        assert "modules.conf is not used in this version, ignored: modules, load" in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.sampled_from(sorted(minimal())), st.floats(0, 1), st.sampled_from(DAMAGE))
def test_a_damaged_file_is_an_error_with_its_place_or_none(tmp_path, name, where, damage):
    """Whatever an editor did to one file, the check comes to its end and says where it fails."""
    folder = tmp_path / "damaged"
    if not folder.exists():
        write(minimal(), folder)
    text = minimal()[name]
    at = int(where * len(text))
    (folder / name).write_text(text[:at] + damage + text[at + 7 * (not damage) :])
    report = check_tree(folder, tmp_path, HERE)
    (folder / name).write_text(text)
    assert all(each.position is not None and each.position.path.is_file() for each in report.errors)
