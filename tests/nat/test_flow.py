"""``add --peer`` at the command line: the translation of one flow, kept and told."""

from __future__ import annotations

import pytest

from ringthru.nat.words import Exit

from .conftest import BEYOND, OUTSIDE

PROTOCOLS = ("natpmp", "upnp")
PEER = f"{BEYOND}.50:5060"


class TestFlow:
    """``add --peer``: the translation of one flow (PCP's PEER)."""

    async def test_where_the_peer_sees_us(self, start_gateway, nat):
        await start_gateway("pcp")
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.OK, said.err
        assert f"{PEER} sees udp 25060 at {OUTSIDE}:25060" in said.out

    async def test_as_json_and_remembered(self, start_gateway, nat):
        await start_gateway("pcp")
        told = (await nat(f"add 25060 --peer {PEER} --json")).json
        assert told["peers"][0] | {"lifetime_left": 0} == {
            "protocol": "udp",
            "family": "ipv4",
            "internal_port": 25060,
            "remote": PEER,
            "external_address": OUTSIDE,
            "external_port": 25060,
            "near_address": OUTSIDE,
            "near_port": 25060,
            "state": "accepted",
            "lifetime_left": 0,
            "reason": "",
        }
        (row,) = (await nat("status --json")).json["mappings"]
        assert (row["remote"], row["listed"]) == (PEER, None)
        assert f"flow to {PEER}" in (await nat("status")).out

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    async def test_a_gateway_that_cannot_has_not_refused(self, start_gateway, nat, protocol):
        await start_gateway(protocol)
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.PARTLY
        assert "only PCP has one" in said.err

    async def test_nobody_tries_to_delete_it(self, start_gateway, nat):
        await start_gateway("pcp")
        await nat(f"add 25060 --peer {PEER}")
        assert "udp       -  " in (await nat("cleanup")).out  # what the gateway gave to it is not known
        told = (await nat("cleanup --json")).json
        assert told["deleted"] == []
        assert "ends by itself" in told["left_alone"][0]["because"]
        assert "no such mapping" in (await nat("delete --all-ours")).err

    async def test_behind_another_nat_it_says_how_far_it_is_kept_and_ends_with_4(self, start_gateway, nat):
        await start_gateway("pcp", external_address="192.168.7.2")
        said = await nat(f"add 25060 --peer {PEER}")
        assert said.code == Exit.PARTLY
        assert "udp 25060 is kept at 192.168.7.2:" in said.out
        assert "another NAT translates it" in said.err
        (flow,) = (await nat(f"add 25060 --peer {PEER} --json")).json["peers"]
        assert (flow["external_address"], flow["near_address"]) == (None, "192.168.7.2")

    @pytest.mark.parametrize("peer", ["sip.example.net:5060", "203.0.113.5", "203.0.113.5:0", "::1:5060"])
    async def test_what_is_no_peer(self, nat, peer):
        said = await nat(f"add 25060 --peer {peer}")
        assert said.code == Exit.USAGE

    async def test_what_is_of_no_meaning_for_a_flow(self, nat):
        said = await nat(f"add 25060 --peer {PEER} --exact")
        assert (said.code, "--exact" in said.err) == (Exit.USAGE, True)
