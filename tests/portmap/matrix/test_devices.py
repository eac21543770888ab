"""Every named device of the lab, from the first search to the last deletion."""

import pytest

from ringthru.lab.gateway.devices import DEVICES

from .play import complaints


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.name)
def test_what_the_device_can_do_is_had_and_nothing_else_is_claimed(device):
    assert complaints(device.quirks, tuple(sorted(device.protocols)), patience=900.0) == []
