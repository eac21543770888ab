"""A gateway's words for the tests of this room: descriptions, answers and faults."""

import pytest

from ringthru.portmap.wire.http import Response

IP1 = "urn:schemas-upnp-org:service:WANIPConnection:1"


class Words:
    """What a UPnP gateway writes."""

    IP1 = IP1

    @staticmethod
    def service(kind: str = IP1, control: str = "/ctl/IPConn") -> str:
        return f"<service><serviceType>{kind}</serviceType><controlURL>{control}</controlURL></service>"

    @classmethod
    def description(cls, *services: str, base: str = "") -> bytes:
        listed = "".join(services or (cls.service(),))
        return (
            f'<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device>'
            "<friendlyName>My router</friendlyName><manufacturer>Acme</manufacturer><modelName>R1</modelName>"
            f"<deviceList><device><serviceList>{listed}</serviceList></device></deviceList></device></root>"
        ).encode()

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


@pytest.fixture
def words() -> type[Words]:
    return Words
