"""The switch as a whole, not yet started."""

from __future__ import annotations

from ipaddress import IPv4Network

from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper
from ringthru.switch.switch import Switch, SwitchOptions

HERE = Surroundings("127.61.0.1", IPv4Network("127.61.0.0/24"), None, multicast=False)


async def test_a_mapper_that_searches_already_becomes_the_switchs(tmp_path):
    mapper = PortMapper(HERE)
    assert Switch(SwitchOptions(db=tmp_path, surroundings=HERE), mapper).mapper is mapper


async def test_without_one_it_makes_its_own_unless_told_not_to(tmp_path):
    assert Switch(SwitchOptions(db=tmp_path, surroundings=HERE)).mapper is not None
    assert Switch(SwitchOptions(db=tmp_path, surroundings=HERE, nat_enabled=False)).mapper is None
