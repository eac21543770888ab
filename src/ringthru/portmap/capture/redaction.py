"""What of a message may be shown: only what is known to tell nobody who and where somebody is.

Redaction is by construction. A message is taken apart; the parts on the lists below are kept (addresses,
identities and known secrets in them replaced), and whatever else it holds becomes x's of the same length or
zeros. A gateway that puts a name where none belongs is therefore covered too.

Lives here: the lists, and taking apart SSDP, HTTP and XML.
Never here: NAT-PMP and PCP (redacted_datagrams), what stands for what (placeholders).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ...net.surroundings import Surroundings
from ..values import OUR_NAME
from .placeholders import Placeholders, escaped, unescaped
from .redacted_datagrams import DatagramRedactor


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
        self._datagrams = DatagramRedactor(self._places, self._description)

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
        return self._datagrams.redact(datagram)

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


def _split(text: str) -> tuple[str, str, str]:
    """Head, the blank line, and what follows it."""
    found = re.search(r"\r?\n\r?\n", text)
    return (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])


def _x(text: str) -> str:
    """Letters and digits hidden; what shapes a document (or breaks it) stays."""
    return WORDS.sub(lambda found: "x" * len(found[0]), "".join("x" if c >= "\x80" else c for c in text))
