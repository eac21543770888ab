"""A gateway's words for the tests of this room: descriptions, answers and faults."""

from xml.sax.saxutils import escape

import pytest

from ringthru.portmap.wire.http import Response

IP1 = "urn:schemas-upnp-org:service:WANIPConnection:1"


class Words:
    """What a UPnP gateway writes."""

    IP1 = IP1

    @staticmethod
    def service(kind: str = IP1, control: str = "/ctl/IPConn", more: str = "") -> str:
        place = f"<controlURL>{control}</controlURL>"
        return f"<service><serviceType>{kind}</serviceType>{place}{more}</service>"

    @classmethod
    def description(cls, *services: str, base: str = "") -> bytes:
        listed = "".join(services or (cls.service(),))
        return (
            f'<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device>'
            "<friendlyName>My router</friendlyName><manufacturer>Acme</manufacturer><modelName>R1</modelName>"
            f"<deviceList><device><serviceList>{listed}</serviceList></device></deviceList></device></root>"
        ).encode()

    @staticmethod
    def page(body: bytes, status: int = 200) -> Response:
        """A body as it is."""
        return Response(status, body)

    @staticmethod
    def success(action: str, **values: object) -> Response:
        fields = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<u:{action}Response xmlns:u="{IP1}">{fields}</u:{action}Response></s:Body></s:Envelope>'
        )
        return Response(200, body.encode())

    @staticmethod
    def fault(code: int, words: str = "") -> Response:
        body = (
            "<s:Envelope><s:Body><s:Fault><detail><UPnPError>"
            f"<errorCode>{code}</errorCode><errorDescription>{words}</errorDescription>"
            "</UPnPError></detail></s:Fault></s:Body></s:Envelope>"
        )
        return Response(500, body.encode())

    @classmethod
    def entry(cls, client: str, port: int, lease: int = 3600) -> Response:
        return cls.success(
            "GetSpecificPortMappingEntry",
            NewInternalPort=port,
            NewInternalClient=client,
            NewEnabled=1,
            NewPortMappingDescription="x",
            NewLeaseDuration=lease,
        )

    @classmethod
    def place(
        cls, external: int, client: str, port: int, description: str = "x", protocol: str = "UDP"
    ) -> Response:
        """An entry of the table, asked for by its place."""
        return cls.success(
            "GetGenericPortMappingEntry",
            NewExternalPort=external,
            NewProtocol=protocol,
            NewInternalPort=port,
            NewInternalClient=client,
            NewEnabled=1,
            NewPortMappingDescription=description,
            NewLeaseDuration=600,
        )

    @classmethod
    def whole_table(cls, *entries: tuple[int, str, int, str]) -> Response:
        """What GetListOfPortMappings says: XML, escaped, inside XML."""
        listed = "".join(
            f"<p:PortMappingEntry><p:NewExternalPort>{external}</p:NewExternalPort>"
            f"<p:NewProtocol>UDP</p:NewProtocol><p:NewInternalPort>{port}</p:NewInternalPort>"
            f"<p:NewInternalClient>{client}</p:NewInternalClient><p:NewEnabled>1</p:NewEnabled>"
            f"<p:NewDescription>{words}</p:NewDescription><p:NewLeaseTime>600</p:NewLeaseTime>"
            "</p:PortMappingEntry>"
            for external, client, port, words in entries
        )
        space = 'xmlns:p="urn:schemas-upnp-org:gw:WANIPConnection"'
        document = f'<?xml version="1.0"?><p:PortMappingList {space}>{listed}</p:PortMappingList>'
        return cls.success("GetListOfPortMappings", NewPortListing=escape(document))


@pytest.fixture
def words() -> type[Words]:
    return Words
