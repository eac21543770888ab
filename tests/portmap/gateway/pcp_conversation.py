"""A PCP client and its gateway, on a clock moved by hand."""

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.gateway.orders import MapOrder, PeerOrder, UnmapOrder
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.pcp import Mapping, Peering, Request, Response, ResultCode
from ringthru.portmap.wire.pcp_options import Description

US = "192.168.1.5"
EXTERNAL = "203.0.113.9"
NONCE = b"a nonce of 12"[:12]
OTHER_NONCE = b"another one."
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", NONCE)
RENEW = replace(MAP, renewal=True)
LABEL = Description("Ringthru udp 5060")
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060, NONCE)
PEER = PeerOrder(Protocol.UDP, 5060, Endpoint("198.51.100.9", 5070), 600, NONCE)
LAN_ONLY = replace(MAP, allow_from=("198.51.100.0/24", "192.0.2.7"))


class Conversation:
    """A client with its gateway: what was asked, and answers made from it."""

    def __init__(self, own_address=US, random=0.5):
        self.client = PcpClient(own_address, lambda size: b"\x07" * size, lambda: random, lambda: 40000)
        self.now = 0.0
        self.epoch = 1000

    def ask(self, order):
        """Submit an order; the only request that goes out for it."""
        self.client.submit(order, self.now)
        return self.asked()

    def asked(self):
        (datagram,) = self.client.datagrams_to_send()
        return Request.decode(datagram)

    def response(self, request, result=ResultCode.SUCCESS, lifetime=3600, **changes):
        body = request.body
        if isinstance(body, Mapping):
            body = replace(body, **{"external_address": EXTERNAL} | changes)
        elif isinstance(body, Peering):
            body = replace(body, mapping=replace(body.mapping, **{"external_address": EXTERNAL} | changes))
        return Response(request.opcode, result, lifetime, self.epoch + int(self.now), body)

    def tell(self, response):
        datagram = response if isinstance(response, bytes) else response.encode()
        self.client.receive_datagram(datagram, self.now)

    def outcome(self, order, result=ResultCode.SUCCESS, lifetime=3600, **changes):
        """What comes of an order that is answered at once."""
        request = self.ask(order)
        self.tell(self.response(request, result, lifetime, **changes))
        return self.told()

    def told(self):
        (event,) = self.client.events()
        return event

    def wait(self):
        """Until the next time-out; False: there is none."""
        when = self.client.next_timeout()
        if when is None:
            return False
        self.now = when
        self.client.handle_timeout(when)
        return True
