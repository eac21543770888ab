"""What of a message may be shown: only what is known to tell nobody who and where somebody is.

Redaction is by construction. A message is taken apart; the parts on the lists below are kept (addresses,
identities and known secrets in them replaced), and whatever else it holds becomes x's of the same length or
zeros. A gateway that puts a name where none belongs is therefore covered too.

Lives here: the lists, and taking apart SSDP, HTTP, XML, NAT-PMP (RFC 6886) and PCP (RFC 6887).
Never here: what stands for what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ...net.surroundings import Surroundings
from ..values import OUR_NAME
from .placeholders import Placeholders, escaped, unescaped


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEPT_HEADERS: Final = _names(
    "host st man mx server location al usn cache-control ext date nt nts bootid.upnp.org configid.upnp.org"
    " nextbootid.upnp.org searchport.upnp.org soapaction content-type connection content-length"
    " transfer-encoding expect allow"
)
KEPT_ELEMENTS: Final = _names(  # of descriptions and SOAP, in lower case
    "devicetype manufacturer modelname modelnumber modeldescription servicetype serviceid scpdurl controlurl"
    " eventsuburl urlbase newexternalipaddress newinternalclient newremotehost newprotocol"
    " newconnectionstatus newconnectiontype newpossibleconnectiontypes newlastconnectionerror"
    " newfirewallenabled newinboundpinholeallowed ispinholeworking faultcode faultstring faultactor"
    " errordescription name direction relatedstatevariable datatype"
)
NUMBERS: Final = _names(
    "major minor newexternalport newinternalport newleaseduration newenabled newuptime newportmappingindex"
    " newreservedport newportmappingnumberofentries newstartport newendport newmanage newnumberofports"
    " errorcode newremoteport leasetime newleasetime uniqueid newuniqueid protocol internalport remoteport"
    " newnumberofentries"
)
ADDRESSES: Final = frozenset(("newexternalipaddress", "newinternalclient", "newremotehost"))
DESCRIPTIONS: Final = frozenset(("newportmappingdescription", "newdescription"))
AROUND: Final = " \t\r\n\0\xef\xbb\xbf"  # blanks, and the octets of a byte order mark
LISTING: Final = "newportlisting"
KEPT_ATTRIBUTES: Final = frozenset(("encodingstyle", "version", "encoding", "standalone"))
PIECES: Final = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[^<>]*>?|[^<]+", re.DOTALL)
TAG: Final = re.compile(r"<[/?]?([\w.:-]+)")
ATTRIBUTE: Final = re.compile(r"""([\w.:-]+)(\s*=\s*)("[^"]*"|'[^']*')""")
URL_HOST: Final = re.compile(r"(https?://)(\[[^\]]*\]|[^/:\s]*)", re.IGNORECASE)
UDN: Final = re.compile(r"(uuid:)((?:(?!::)\S)+)", re.IGNORECASE)
LENGTH: Final = re.compile(r"(?im)^(content-length:[ \t]*)(\d{1,9})[ \t]*(?=\r?$)")
WORDS: Final = re.compile(r"[A-Za-z0-9]+")
VERSION: Final = re.compile(r"(?<=[A-Za-z]/)(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")  # "Box/1.2.3.4"
DOTTED: Final = re.compile(r"(?<!\d)(?<![A-Za-z]/)\d{1,3}(?:\.\d{1,3}){3}")
PLAIN_NUMBER: Final = re.compile(r"\s*[+-]?\d{1,10}\s*\Z")

PCP: Final = 2  # version octets on port 5351
NAT_PMP: Final = 0
NAT_PMP_ADDRESS: Final = 128
NAT_PMP_SIZES: Final = {0: 2, 1: 12, 2: 12, NAT_PMP_ADDRESS: 12, 129: 16, 130: 16}
PCP_OPCODES: Final = {1: (24, 20, (44,)), 2: (24, 20, (44, 64))}  # nonce at, numbers to, addresses at
PCP_WITH_ADDRESS: Final = frozenset((1,))  # THIRD_PARTY (RFC 6887 §13.1)
PCP_FILTER: Final = 3  # §13.3: prefix length and port, then an address
PCP_DESCRIPTION: Final = 128  # RFC 7220


class Redactor:
    """Redacts the messages of one capture. ``secrets`` are texts to look for everywhere, e.g. a host name;
    ``ours`` the descriptions this capture itself gave, which are shown.

    Show it every message by ``learn`` first: what one tells (a serial number) may stand in an earlier one.
    """

    def __init__(
        self, surroundings: Surroundings, secrets: Iterable[str] = (), ours: Iterable[str] = ()
    ) -> None:
        self._places = Placeholders(surroundings, secrets)
        self._ours = frozenset(ours)
        self._nonces: dict[bytes, bytes] = {}

    def count(self) -> tuple[tuple[str, int], ...]:
        """How many different things were replaced, by what they are."""
        return self._places.count()

    def learn(self, message: bytes) -> None:
        """Take note of identities and serial numbers in a text, wherever they stand later."""
        text = message.decode("latin-1")
        for found in UDN.finditer(text):
            self._places.learn(found[2].partition("<")[0])
        for found in re.finditer(r"(?i)<serialNumber>([^<]{6,64})<", text):
            self._places.learn(found[1])
        for found in DOTTED.finditer(text):
            self._places.address(found[0])

    def address(self, text: str) -> str:
        """An address in a value of ours; an empty one stays empty."""
        return self._places.address(text) if text else text

    def words(self, text: str) -> str:
        """A gateway's or the engine's words: kept, but for addresses and secrets."""
        hidden = self._places.text(text.encode().decode("latin-1"))
        return hidden.encode("latin-1").decode("utf-8", "replace")

    def server(self, text: str) -> str:
        """A SERVER header: versions of four numbers stay, unless somebody here has that very address."""
        return self._server(text.encode().decode("latin-1")).encode("latin-1").decode("utf-8", "replace")

    def http_or_ssdp(self, message: bytes) -> bytes:
        """A message with a head: first line, headers, perhaps a document. Its length stays told right."""
        text = message.decode("latin-1")
        head, blank, body = _split(text)
        shown = self._head(head)
        hidden = self._document(body)
        shown = LENGTH.sub(lambda found: f"{found[1]}{int(found[2]) + len(hidden) - len(body)}", shown)
        return (shown + blank + hidden).encode("latin-1")

    def document(self, body: bytes) -> bytes:
        """The body of an answer: XML, something like it, or something else."""
        return self._document(body.decode("latin-1")).encode("latin-1")

    def port5351(self, datagram: bytes) -> bytes:
        """A NAT-PMP or PCP datagram; what is neither keeps its first four octets and its length."""
        if len(datagram) >= 2 and datagram[0] == NAT_PMP:
            return self._natpmp(datagram)
        if len(datagram) >= 24 and datagram[0] == PCP:
            return self._pcp(datagram)
        return datagram[:4] + bytes(max(0, len(datagram) - 4))

    # Text

    def _head(self, head: str) -> str:
        lines = re.split(r"(\r?\n)", head)
        lines[0] = self._first_line(lines[0])
        for at in range(2, len(lines), 2):
            name, colon, value = lines[at].partition(":")
            kept = name.strip().lower() in KEPT_HEADERS
            if not colon or not kept:
                lines[at] = (self._places.text(name) + colon if colon else "") + _x(value or name)
            elif name.strip().lower() in ("usn", "nt", "st"):
                lines[at] = name + colon + self._udn(value)
            elif name.strip().lower() == "server":
                lines[at] = name + colon + self._server(value)
            else:
                lines[at] = name + colon + self._url(value)
        return "".join(lines)

    def _server(self, text: str) -> str:
        parts = VERSION.split(text)
        for at, part in enumerate(parts):
            if at % 2 == 0 or self._places.knows(part):
                parts[at] = self._places.text(part)
        return "".join(parts)

    def _first_line(self, line: str) -> str:
        known = re.match(r"\s*(HTTP/|M-SEARCH |NOTIFY |GET |POST |M-POST )", line)
        return self._places.text(line) if known else _x(line)

    def _document(self, text: str, inside_listing: bool = False) -> str:
        """Walk over the pieces; what a text is, is told by the tag before it."""
        shown: list[str] = []
        element = ""
        for piece in PIECES.findall(text):
            if element == LISTING and not inside_listing and not piece.startswith("</"):
                shown.append(self._listing(piece))
            elif piece.startswith(("<!--", "<![CDATA[")):
                shown.append(piece[:4] + _x(piece[4:-3]) + piece[-3:] if len(piece) >= 7 else _x(piece))
            elif piece.startswith("<"):
                tag = TAG.match(piece)
                closing = piece.startswith("</")
                element = "" if tag is None or closing else tag[1].rpartition(":")[2].lower()
                shown.append(self._tag(piece))
            else:
                shown.append(self._content(element, piece))
        return "".join(shown)

    def _listing(self, piece: str) -> str:
        """A document inside the document, escaped or in a CDATA section (WANIPConnection:2 §2.5.21)."""
        if piece.startswith("<![CDATA[") and piece.endswith("]]>"):
            return piece[:9] + self._document(piece[9:-3], True) + piece[-3:]
        if piece.startswith("<"):
            return self._tag(piece)
        return escaped(self._document(unescaped(piece), True))

    def _tag(self, piece: str) -> str:
        """The name; of the attributes only what makes the document mean something."""
        opened = TAG.match(piece)
        if opened is None:
            return _x(piece)
        shown, at = [self._places.text(opened[0])], opened.end()
        for found in ATTRIBUTE.finditer(piece, at):
            name = found[1].lower()
            kept = name.startswith("xmlns") or name.rpartition(":")[2] in KEPT_ATTRIBUTES
            value = self._places.text(found[3]) if kept else found[3][0] + _x(found[3][1:-1]) + found[3][0]
            shown += [_x(piece[at : found.start()]), self._places.text(found[1]), found[2], value]
            at = found.end()
        return "".join(shown) + _x(piece[at:])

    def _content(self, element: str, text: str) -> str:
        bare = text.strip(AROUND)
        if not bare or (element in NUMBERS and PLAIN_NUMBER.match(bare)):
            return text
        if element in ADDRESSES:
            shown = self._places.address(bare)
        elif element in DESCRIPTIONS:
            shown = self._description(bare)
        elif element == "udn":
            shown = self._udn(bare) if bare.lower().startswith("uuid:") else self._places.name(bare)
        elif element in KEPT_ELEMENTS:
            shown = self._url(bare)
        else:
            shown = self._places.name(bare)
        return text.replace(bare, shown, 1)

    def _description(self, text: str) -> str:
        """Ours are shown whole; those of another Ringthru keep the name by which it knows its own."""
        if text in self._ours:
            return self._places.text(text)
        if text.startswith(OUR_NAME):
            rest = text[len(OUR_NAME) :]
            return OUR_NAME + (self._places.name(rest) if rest.strip() else rest)
        return self._places.name(text)

    def _udn(self, text: str) -> str:
        before, uuid, after = text.partition("uuid:")
        if not uuid:
            return self._places.text(text)
        name, colons, rest = after.partition("::")
        return self._places.text(before) + uuid + self._places.name(name) + colons + self._places.text(rest)

    def _url(self, text: str) -> str:
        """Running text; a host *name* in a URL becomes x's."""
        return self._places.text(URL_HOST.sub(self._host, text))

    def _host(self, found: re.Match[str]) -> str:
        numeric = re.fullmatch(r"\[.*\]|[\d.]+", found[2])
        public = found[2].lower() in ("schemas.xmlsoap.org", "schemas-upnp-org")
        return found[1] + (found[2] if numeric or public else self._places.name(found[2]))

    # Octets

    def _natpmp(self, datagram: bytes) -> bytes:
        """RFC 6886 §3.2, §3.3: an address answer has its address at 8; all else is numbers."""
        told = NAT_PMP_SIZES.get(datagram[1], 8)
        shown = bytearray(datagram[:told])
        if datagram[1] == NAT_PMP_ADDRESS and len(datagram) >= told:
            shown[8:12] = self._packed(datagram[8:12])
        elif datagram[1] == NAT_PMP_ADDRESS:
            shown[8:] = bytes(len(shown[8:]))
        return bytes(shown) + bytes(len(datagram) - len(shown))

    def _pcp(self, datagram: bytes) -> bytes:
        """RFC 6887 §7: the client's address in a request; then the opcode's own fields, then options."""
        shown = bytearray(datagram[:12]) + bytes(len(datagram) - 12)
        if not datagram[1] & 0x80:
            shown[8:24] = self._packed16(datagram[8:24])
        opcode = PCP_OPCODES.get(datagram[1] & 0x7F)
        end = 24
        if opcode is not None:
            nonce, numbers, addresses = opcode
            end = addresses[-1] + 16
            shown[nonce : nonce + 12] = self._nonce(datagram[nonce : nonce + 12])
            shown[nonce + 12 : nonce + numbers] = datagram[nonce + 12 : nonce + numbers]
            for at in addresses:
                shown[at : at + 16] = self._packed16(datagram[at : at + 16])
            if opcode is PCP_OPCODES[2]:
                shown[60:64] = datagram[60:64]
        self._options(datagram, shown, end)
        return bytes(shown[: len(datagram)])

    def _options(self, datagram: bytes, shown: bytearray, at: int) -> None:
        """RFC 6887 §7.3: code, reserved, length; data padded to four octets."""
        while at + 4 <= len(datagram):
            shown[at : at + 4] = datagram[at : at + 4]
            code, length = datagram[at], int.from_bytes(datagram[at + 2 : at + 4])
            data = datagram[at + 4 : at + 4 + length]
            if code in PCP_WITH_ADDRESS:
                shown[at + 4 : at + 4 + len(data)] = self._packed16(data)
            elif code == PCP_FILTER:
                shown[at + 4 : at + 4 + len(data)] = data[:4] + self._packed16(data[4:])
            elif code == PCP_DESCRIPTION:
                shown[at + 4 : at + 4 + len(data)] = self._told(data)
            at += 4 + length + -length % 4

    def _told(self, data: bytes) -> bytes:
        text = data.decode("latin-1").rstrip("\0")
        return self._description(text).encode("latin-1").ljust(len(data), b"\0") if text else data

    def _nonce(self, nonce: bytes) -> bytes:
        """It proves whose a mapping is (RFC 6887 §11.1): the same one stays the same, no more."""
        return self._nonces.setdefault(nonce, (len(self._nonces) + 1).to_bytes(12)[-len(nonce) or 12 :])

    def _packed(self, octets: bytes) -> bytes:
        return IPv4Address(self._places.address(str(IPv4Address(octets)))).packed

    def _packed16(self, octets: bytes) -> bytes:
        if len(octets) != 16:
            return bytes(len(octets))
        address = IPv6Address(octets)
        if address.ipv4_mapped is not None:
            return octets[:12] + self._packed(octets[12:])
        return IPv6Address(self._places.address(str(address))).packed


def _split(text: str) -> tuple[str, str, str]:
    """Head, the blank line, and what follows it."""
    found = re.search(r"\r?\n\r?\n", text)
    return (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])


def _x(text: str) -> str:
    """Letters and digits hidden; what shapes a document (or breaks it) stays."""
    return WORDS.sub(lambda found: "x" * len(found[0]), "".join("x" if c >= "\x80" else c for c in text))
