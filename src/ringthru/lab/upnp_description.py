"""What the fake gateway says of itself over UPnP: the description, and SSDP's answers.

Lives here: texts of UPnP Device Architecture 1.1 §1.3 and §2.3, InternetGatewayDevice:1 and :2.
Never here: actions, sockets.
"""

from __future__ import annotations

from typing import Final

from ..net.address import Endpoint
from ..net.values import frozen

DEVICE: Final = "urn:schemas-upnp-org:device:"
SERVICE: Final = "urn:schemas-upnp-org:service:"
SERVER: Final = "Linux/6 UPnP/1.1 RingthruLab/1"
DESCRIPTION_PATH: Final = "/rootDesc.xml"
CONTROL_PATH: Final = "/ctl/IPConn"
SCPD_PATH: Final = "/WANIPCn.xml"

DESCRIPTION: Final = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
 <specVersion><major>1</major><minor>1</minor></specVersion>
 <device>
  <deviceType>{igd}</deviceType>
  <friendlyName>Ringthru lab gateway</friendlyName>
  <manufacturer>Ringthru</manufacturer>
  <modelName>Fake gateway IGD:{version}</modelName>
  <UDN>uuid:{uuid}</UDN>
  <deviceList><device>
   <deviceType>{wan}</deviceType>
   <friendlyName>WAN</friendlyName>
   <UDN>uuid:{uuid}-wan</UDN>
   <deviceList><device>
    <deviceType>{connection}</deviceType>
    <friendlyName>Connection</friendlyName>
    <UDN>uuid:{uuid}-conn</UDN>
    <serviceList><service>
     <serviceType>{service}</serviceType>
     <serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
     <SCPDURL>{scpd}</SCPDURL>
     <controlURL>{control}</controlURL>
     <eventSubURL>/evt/IPConn</eventSubURL>
    </service></serviceList>
   </device></deviceList>
  </device></deviceList>
 </device>
</root>
"""

SCPD: Final = """<?xml version="1.0"?>
<scpd xmlns="urn:schemas-upnp-org:service-1-0">
 <specVersion><major>1</major><minor>1</minor></specVersion>
 <actionList>{actions}</actionList><serviceStateTable/>
</scpd>
"""


@frozen
class UpnpIdentity:
    """The names of one gateway; ``version`` is that of the InternetGatewayDevice (1 or 2)."""

    version: int
    uuid: str

    @property
    def device(self) -> str:
        return f"{DEVICE}InternetGatewayDevice:{self.version}"

    @property
    def service(self) -> str:
        return f"{SERVICE}WANIPConnection:{self.version}"

    def description(self) -> str:
        return DESCRIPTION.format(
            igd=self.device,
            wan=f"{DEVICE}WANDevice:{self.version}",
            connection=f"{DEVICE}WANConnectionDevice:{self.version}",
            service=self.service,
            version=self.version,
            uuid=self.uuid,
            scpd=SCPD_PATH,
            control=CONTROL_PATH,
        )

    def search_answers(self, target: str) -> list[tuple[str, str]]:
        """(ST, USN) of each answer to an M-SEARCH; ``ssdp:all`` gets all of them (UDA §1.3.3)."""
        root = f"uuid:{self.uuid}"
        offered = {"upnp:rootdevice": f"{root}::upnp:rootdevice", root: root}
        for version in range(1, self.version + 1):  # a newer device answers for the older one (UDA §1.3.2)
            for kind in (f"{DEVICE}InternetGatewayDevice:{version}", f"{SERVICE}WANIPConnection:{version}"):
                offered[kind] = f"{root}::{kind}"
        if target == "ssdp:all":
            return list(offered.items())
        return [(target, offered[target])] if target in offered else []


def read_search(datagram: bytes) -> str | None:
    """The ST of an M-SEARCH; None when the datagram is none (UDA §1.3.2)."""
    lines = datagram.decode("latin-1").split("\r\n")
    headers = {name.strip().upper(): value.strip() for name, _, value in (li.partition(":") for li in lines)}
    if not lines[0].startswith("M-SEARCH * HTTP/1.1") or headers.get("MAN") != '"ssdp:discover"':
        return None
    return headers.get("ST")


def search_answer(target: str, name: str, http: Endpoint, boot_id: int) -> bytes:
    """One unicast answer to an M-SEARCH (UDA §1.3.3)."""
    lines = (
        "HTTP/1.1 200 OK",
        "CACHE-CONTROL: max-age=120",
        f"ST: {target}",
        f"USN: {name}",
        "EXT:",
        f"SERVER: {SERVER}",
        f"LOCATION: http://{http}{DESCRIPTION_PATH}",
        f"BOOTID.UPNP.ORG: {boot_id}",
        "CONFIGID.UPNP.ORG: 1",
    )
    return "\r\n".join((*lines, "", "")).encode()
