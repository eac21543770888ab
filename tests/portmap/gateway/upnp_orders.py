"""What is asked of a UPnP gateway, and what it may answer."""

from ringthru.portmap.gateway.orders import Granted, MapOrder
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.values import Protocol

US, OTHER = "192.168.1.103", "192.168.1.7"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
GRANTED = Granted(5060, 3600, verified=False)
RESET = HttpFailure(FailureKind.BROKEN, "reset")
ADD, ADD_0, GET = "AddPortMapping 5060 3600", "AddPortMapping 5060 0", "GetSpecificPortMappingEntry 5060"
