"""A UPnP client and a script of replies: what it asks is noted in words."""

import re

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway.upnp_client import UpnpClient
from ringthru.portmap.gateway.upnp_values import IgdFound
from ringthru.portmap.values import Family
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

US = "192.168.1.103"
US_IPV6 = "2001:db8:1::103"
PLACE = Location(Endpoint("192.168.1.1", 5000), "/rootDesc.xml")
PLACE_IPV6 = Location(Endpoint("fe80::1%eth0", 5000), "/rootDesc.xml")


class Talk:
    """A client and a script of replies; ``asked`` has each action with its port, index and lease."""

    def __init__(self, words, family=Family.IPV4) -> None:
        self.words = words
        self.now = 0.0
        self.place = PLACE if family is Family.IPV4 else PLACE_IPV6
        own = US if family is Family.IPV4 else US_IPV6
        self.client = UpnpClient(own, lambda address: address.startswith("203."), family)
        self.asked: list[str] = []
        self.requests: list[bytes] = []

    def discover(self, *replies) -> list:
        self.client.consider(self.place, first=True)
        self.answer(*replies)
        return self.client.findings()

    def order(self, order, *replies):
        self.client.submit(order, self.now)
        self.answer(*replies)
        (outcome,) = self.client.events()
        return outcome

    def answer(self, *replies) -> None:
        for reply in replies:
            (request,) = self.client.requests_to_send()
            self.asked.append(summary(request.ask.data))
            self.requests.append(request.ask.data)
            self.client.receive_reply(request.number, reply)
        left = [summary(request.ask.data) for request in self.client.requests_to_send()]
        assert left == [], f"asked after the script's end, which was: {self.asked}"


def summary(request: bytes) -> str:
    action = re.search(rb'SOAPAction: ".*#(\w+)"', request)
    if action is None:
        return request.split()[1].decode()
    names = (
        b"NewExternalPort",
        b"NewPortMappingIndex",
        b"NewLeaseDuration",
        b"UniqueID",
        b"LeaseTime",
        b"NewLeaseTime",
    )
    values = [re.search(rb"<%s>(\w+)<" % name, request) for name in names]
    said = " ".join([action[1].decode(), *(value[1].decode() for value in values if value)])
    return f"M-POST {said}" if request.startswith(b"M-POST") else said


@pytest.fixture
def talk(words) -> Talk:
    """With a WANIPConnection:1 in use."""
    return in_use(words, words.IP1)


@pytest.fixture
def talk2(words) -> Talk:
    """With a WANIPConnection:2 in use."""
    return in_use(words, words.IP1.replace(":1", ":2"))


def in_use(words, kind: str) -> Talk:
    talk = Talk(words)
    (found,) = talk.discover(
        Response(200, words.description(words.service(kind))),
        words.success("GetExternalIPAddress", NewExternalIPAddress="203.0.113.9"),
    )
    assert isinstance(found, IgdFound)
    talk.client.use(found.igd)
    talk.igd = found.igd
    talk.asked.clear()
    talk.requests.clear()
    return talk


@pytest.fixture
def new_talk(words):
    """A talk with nobody in use yet."""
    return lambda family=Family.IPV4: Talk(words, family)
