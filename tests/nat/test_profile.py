"""``profile`` at the command line, and what a profile that was set changes."""

from __future__ import annotations

import pytest

from ringthru.nat.words import Exit
from ringthru.portmap.memory import memory_driver


class TestProfile:
    async def test_set_shown_and_forgotten(self, nat):
        said = await nat("profile set acme-r1 permanent_only=yes recheck_every=45")
        assert said.code == Exit.OK
        assert "permanent" in said.out
        (row,) = (await nat("profile --json")).json["profiles"]
        assert (row["permanent_only"], row["recheck_every"]) == (True, 45.0)
        assert row["by_hand"] == ["permanent_only", "recheck_every"]
        await nat("profile forget acme-r1")
        assert (await nat("profile --json")).json["profiles"] == []

    async def test_one_decision_taken_back_is_learned_again(self, nat):
        await nat("profile set acme-r1 permanent_only=yes recheck_every=45")
        await nat("profile forget acme-r1 permanent_only")
        (row,) = (await nat("profile --json")).json["profiles"]
        assert (row["permanent_only"], row["by_hand"]) == (False, ["recheck_every"])

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("profile set acme", "NAME=VALUE"),
            ("profile forget nobody", "no profile 'nobody'"),
            ("profile forget acme pace", "'pace' was not set by hand; recheck_every was"),
        ],
    )
    async def test_what_cannot_be_done_is_said(self, nat, line, hint):
        await nat("profile set acme recheck_every=45")
        said = await nat(line)
        assert said.code == Exit.USAGE
        assert hint in said.err
        assert len((await nat("profile --json")).json["profiles"]) == 1

    @pytest.mark.parametrize(
        ("setting", "hint"),
        [
            ("color=red", "permanent_only"),
            ("permanent_only=maybe", "yes or no"),
            ("pace=fast", "0 to 5 seconds"),
        ],
    )
    async def test_a_setting_that_is_none_says_what_is(self, nat, setting, hint):
        said = await nat(f"profile set acme {setting}")
        assert said.code == Exit.USAGE
        assert hint in said.err


class TestProfileInUse:
    async def test_what_a_person_set_is_used_by_the_very_next_request(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        fingerprint = (await nat("discover --json")).json["gateway"]["fingerprint"]
        await nat("profile set", fingerprint, "permanent_only=yes")
        told = (await nat("add 25060 --json")).json
        assert [each.lifetime_left for each in gateway.mappings()] == [None]
        assert told["mappings"][0]["lifetime_left"] is None
        assert len([each for each in told["mappings"][0]["attempts"] if " map " in each["asked"]]) == 1
        assert "set by hand" in " ".join(told["gateway"]["learned"])

    @pytest.mark.parametrize("protocol", ["natpmp", "pcp"])
    async def test_gateways_without_a_description_have_a_fingerprint_too(
        self, start_gateway, nat, monkeypatch, protocol
    ):
        """By their maker's part of the hardware address, which loopback lacks."""
        monkeypatch.setattr(memory_driver, "hardware_address", lambda address: "02:11:22:33:44:55")
        await start_gateway(protocol)
        fingerprint = (await nat("discover --json")).json["gateway"]["fingerprint"]
        await nat("profile set", fingerprint, "recheck_every=45")
        for line in ("discover --json", "status --json", "add 25060 --json", "list --json"):
            told = (await nat(line)).json["gateway"]
            assert told["fingerprint"] == fingerprint, line
            assert told["learned"] == ["forgets mappings: looked at every 45 s (set by hand)"], line

    async def test_what_a_gateway_taught_is_shown(self, start_gateway, nat):
        await start_gateway("upnp", permanent_only=True)
        await nat("add 25060")
        assert "permanent" in (await nat("profile")).out
        assert "permanent" in (await nat("status")).out
