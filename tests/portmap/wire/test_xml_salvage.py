"""XML as gateways send it: what can be read is read, what is hostile is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.xml_salvage import DEEPEST, salvage

FAULT = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b'<detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>718</errorCode>'
    b"<errorDescription>ConflictInMappingEntry</errorDescription></UPnPError></detail>"
    b"</s:Fault></s:Body></s:Envelope>"
)

BROKEN = {
    "as it should be": FAULT,
    "trailing NULs": FAULT + b"\x00\x00",
    "control byte": FAULT.replace(b"Conflict", b"\x18Conflict"),
    "blank line before the declaration": b"\r\n\r\n" + FAULT,
    "BOM": b"\xef\xbb\xbf" + FAULT,
    "two declarations": b'<?xml version="1.0"?>' + FAULT,
    "junk after the root": FAULT + b"</html> junk",
    "undeclared prefix": FAULT.replace(b' xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"', b""),
    "swapped prefix": FAULT.replace(b"s:Fault", b"SOAP-ENV:Fault"),
    "glued xmlns": FAULT.replace(b"<UPnPError xmlns", b"<UPnPErrorxmlns").replace(
        b"</UPnPError>", b"</UPnPError>"
    ),
    "truncated": FAULT[: FAULT.index(b"</UPnPError>")],
    "mismatched tag": FAULT.replace(b"</detail>", b"</details>"),
    "Latin-1 bytes": FAULT.replace(b"Conflict", b"Konflikt f\xfcr"),
    "declared Latin-1": FAULT.replace(b'"1.0"?', b'"1.0" encoding="ISO-8859-1"?').replace(b"Con", b"\xe9"),
    "UTF-16": FAULT.decode().encode("utf-16"),
    "names in capitals": FAULT.replace(b"errorCode", b"ERRORCODE"),
    "an end in another case": FAULT.replace(b"</errorCode>", b"</ErrorCode>"),
    "a begin in another case, further out": FAULT.replace(b"<UPnPError ", b"<upnpError "),
    "bare ampersand": FAULT.replace(b"Conflict", b"A & B &nbsp;"),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_the_error_code_is_salvaged(body):
    assert salvage(body).value("errorCode") == "718"


def test_cut_anywhere_it_gives_whole_values_or_none():
    for length in range(len(FAULT)):
        try:
            assert salvage(FAULT[:length]).value("errorCode") in ("", "718")
        except MalformedMessage:
            pass


def test_an_element_that_was_never_closed_is_no_element():
    assert salvage(b"<a><b>1</b><c>2").first("c") is None
    assert salvage(b"<a><b>1</b><c>2").value("b") == "1"


def test_values_are_stripped():
    assert salvage(b"<a><b>\r\n  x \n</b></a>").value("b") == "x"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"just text",
        b'<!DOCTYPE root [<!ENTITY a "aaaa">]><root>&a;</root>',
        b'<!DOCTYPE root SYSTEM "http://192.168.1.2/x"><root/>',
        b"<a>" * (DEEPEST + 1),
    ],
    ids=["nothing", "text", "entity bomb", "external subset", "too deep"],
)
def test_what_is_refused(body):
    with pytest.raises(MalformedMessage):
        salvage(body)


def test_a_huge_text_is_not_kept():
    assert len(salvage(b"<a>" + b"x" * 200_000 + b"</a>").text) < 10_000


def test_unclosed_declarations_are_read_over_in_one_pass():
    """Half a minute of work, when each of them was sought to the end of the document."""
    with pytest.raises(MalformedMessage):
        salvage(b"<?xml " * 40_000)


@given(st.binary(max_size=300))
def test_noise_is_malformed_or_a_tree(noise):
    try:
        salvage(b"<root>" + noise)
    except MalformedMessage:
        pass


@given(st.text(alphabet="<>/&;!?-[]x:= \"'\x00\x18ü", max_size=120))
def test_markup_like_noise_never_raises_anything_else(noise):
    try:
        salvage(noise.encode())
    except MalformedMessage:
        pass
