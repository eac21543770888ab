"""Gateways that are no row of the catalogue: a good one, whose HTTP answers or description are twisted.

Lives here: the twists, each one thing that some firmware might do. Never here: what a client should make of
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ringthru.lab.gateway.replies import Ending, HttpScript, Piece

Twist = Callable[[bytes, HttpScript], HttpScript]  # the request, and what a good gateway says to it
TAG: Final = re.compile(rb"(</?)((?:[A-Za-z]+:)?)([A-Za-z]\w*)")
CONTROL: Final = re.compile(rb"(<controlURL>)([^<]*)(</controlURL>)")
VALUE: Final = re.compile(rb"<(New\w+|errorCode)>([^<]+)</")


def parted(script: HttpScript) -> tuple[list[bytes], bytes]:
    """The lines of the head, and the body."""
    head, _, body = script.data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def joined(lines: list[bytes], body: bytes, ending: Ending = Ending.CLOSE) -> HttpScript:
    return HttpScript((Piece(0.0, b"\r\n".join((*lines, b"", b"")) + body),), ending)


def with_body(change: Callable[[bytes], bytes]) -> Twist:
    """Another body, its length told as it is."""

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        lines, body = parted(good)
        if not body:
            return good
        new = change(body)
        return joined([length_of(new) if is_length(each) else each for each in lines], new)

    return twist


def with_head(change: Callable[[list[bytes], bytes], list[bytes]], ending: Ending = Ending.CLOSE) -> Twist:
    """Other lines before the body."""

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        lines, body = parted(good)
        return joined(change(lines, body), body, ending) if body else good

    return twist


def is_length(line: bytes) -> bool:
    return line.lower().startswith(b"content-length")


def length_of(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def without_length(lines: list[bytes]) -> list[bytes]:
    return [each for each in lines if not is_length(each)]


def every_value(change: Callable[[bytes], bytes]) -> Twist:
    """Each value of an answer written otherwise."""
    return with_body(lambda body: VALUE.sub(lambda m: b"<%s>%s</" % (m[1], change(m[2])), body))


def numbers(change: Callable[[bytes], bytes]) -> Twist:
    return every_value(lambda value: change(value) if value.isdigit() else value)


def addresses(change: Callable[[bytes], bytes]) -> Twist:
    return every_value(lambda value: change(value) if value.count(b".") == 3 else value)


def named(change: Callable[[bytes], bytes]) -> Twist:
    """Each element's name written otherwise, at its begin and at its end."""
    return with_body(lambda body: TAG.sub(lambda m: m[1] + m[2] + change(m[3]), body))


def names_ending_otherwise(body: bytes) -> bytes:
    return re.sub(rb"</((?:\w+:)?)(\w+)>", lambda m: b"</%s%s>" % (m[1], m[2].upper()), body)


def chunked(request: bytes, good: HttpScript) -> HttpScript:
    """In chunks with extensions, blanks and trailers; the size that is told beside them is of the chunks."""
    lines, body = parted(good)
    chunks = [body[at : at + 333] for at in range(0, len(body), 333)]
    coded = b"".join(b'00%X ; a="b;c"\r\n%s\r\n' % (len(each), each) for each in chunks)
    coded += b"000\r\nX-Trailer: one\r\nContent-Length: 7\r\n\r\n"
    head = [*without_length(lines), b"transfer-encoding: Chunked", length_of(coded)]
    return joined(head, coded, Ending.KEEP_OPEN)


def in_drops(ending: Ending, size: int = 7) -> Twist:
    """Many segments of a few bytes, then the end."""

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        data = good.data
        pieces = tuple(Piece(0.001, data[at : at + size]) for at in range(0, len(data), size))
        return HttpScript(pieces, ending)

    return twist


def reset_behind(change: Callable[[list[bytes], bytes], list[bytes]]) -> Twist:
    """The whole answer in two segments, and a reset in the place of a farewell."""

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        lines, body = parted(good)
        data = b"\r\n".join((*change(lines, body), b"", b"")) + body
        cut = len(data) - len(body) // 2
        return HttpScript((Piece(0.0, data[:cut]), Piece(0.01, data[cut:])), Ending.RESET)

    return twist


def reset_for_the_last_tag(request: bytes, good: HttpScript) -> HttpScript:
    return HttpScript((Piece(0.0, good.data[:-40]), Piece(0.01, good.data[-40:-9])), Ending.RESET)


def headless(request: bytes, good: HttpScript) -> HttpScript:
    """As HTTP/0.9: the document, and nothing before it."""
    _, body = parted(good)
    return HttpScript((Piece(0.0, body),)) if body else good


def no_blank_line(request: bytes, good: HttpScript) -> HttpScript:
    """The document begins where the next header would."""
    lines, body = parted(good)
    return HttpScript((Piece(0.0, b"\r\n".join((*lines, body))),)) if body else good


def faults_with_200(request: bytes, good: HttpScript) -> HttpScript:
    lines, body = parted(good)
    return joined([re.sub(rb" \d{3} .*", b" 200 OK", lines[0]), *lines[1:]], body)


def success_with_500(request: bytes, good: HttpScript) -> HttpScript:
    lines, body = parted(good)
    if not request.startswith(b"POST"):
        return good
    return joined([re.sub(rb" \d{3} .*", b" 500 Internal Server Error", lines[0]), *lines[1:]], body)


def control_url(change: Callable[[bytes], bytes]) -> Twist:
    return with_body(lambda body: CONTROL.sub(lambda m: m[1] + change(m[2]) + m[3], body))


def space_of(urn: bytes) -> Twist:
    """Another namespace for everything that has one."""
    return with_body(lambda body: re.sub(rb'(xmlns(?::\w+)?)="[^"]*"', rb'\1="' + urn + b'"', body))


def wrapped(body: bytes) -> bytes:
    """The values one level deeper than they belong."""
    inner = re.sub(rb"(<\w+:\w+Response\b[^>]*>)", rb"\1<Result code='0'><Values>", body)
    return re.sub(rb"(</\w+:\w+Response>)", rb"</Values></Result>\1", inner)


def commented(body: bytes) -> bytes:
    """A declaration that is not true, and a comment between any two elements."""
    body = body.replace(b'<?xml version="1.0"?>', b'<?xml version="1.1" encoding="KOI8-R" standalone="yes"?>')
    return body.replace(b"><", b"><!-- <x> -->\n<")


SURVIVED: Final[dict[str, Twist]] = {
    "element names in capitals": named(bytes.upper),
    "element names in small letters": named(bytes.lower),
    "end tags in capitals, where the begin is not": with_body(names_ending_otherwise),
    "a namespace that nobody knows": space_of(b"urn:example-com:wrong:9"),
    "the namespaces of SOAP 1.2": space_of(b"http://www.w3.org/2003/05/soap-envelope"),
    "no namespace is declared at all": with_body(lambda body: re.sub(rb' xmlns(:\w+)?="[^"]*"', b"", body)),
    "values as CDATA": every_value(lambda value: b"<![CDATA[" + value + b"]]>"),
    "values half as CDATA, half escaped": every_value(
        lambda value: b"<![CDATA[%s]]>&#%d;" % (value[:-1], value[-1])
    ),
    "values one level deeper": with_body(wrapped),
    "a declaration that lies, and comments everywhere": with_body(commented),
    "UTF-16 with a byte-order mark": with_body(lambda body: body.decode().encode("utf-16")),
    "UTF-16 without a byte-order mark": with_body(lambda body: body.decode().encode("utf-16-le")),
    "three byte-order marks": with_body(lambda body: b"\xef\xbb\xbf" * 3 + body),
    "chunks with extensions and trailers, and a length beside them": chunked,
    "a body without a head, as in HTTP/0.9": headless,
    "no blank line between head and body": no_blank_line,
    "a status line without a version": with_head(
        lambda lines, body: [lines[0].replace(b"HTTP/1.1", b"HTTP"), *lines[1:]]
    ),
    "a status line of another protocol": with_head(
        lambda lines, body: [lines[0].replace(b"HTTP/1.1", b"ICY"), *lines[1:]]
    ),
    "two lengths that differ": with_head(lambda lines, body: [*lines, b"Content-Length: 3"]),
    "a length that is short by the last tag": with_head(
        lambda lines, body: [*without_length(lines), b"Content-Length: %d" % (len(body) - 9)]
    ),
    "a length of nothing": with_head(lambda lines, body: [*without_length(lines), b"Content-Length: 0"]),
    "a length too long, and the connection stays open": with_head(
        lambda lines, body: [*without_length(lines), b"Content-Length: %d" % (len(body) + 2)],
        Ending.KEEP_OPEN,
    ),
    "a length in hexadecimal digits": with_head(
        lambda lines, body: [*without_length(lines), b"Content-Length: 0x%x" % len(body)]
    ),
    "a header over three lines": with_head(
        lambda lines, body: [*lines, b"X-Long: a", b"\t b: c", b"  Content-Length", b" : 4"]
    ),
    "seven bytes in each segment": in_drops(Ending.CLOSE),
    "seven bytes in each segment, and a reset": in_drops(Ending.RESET),
    "two segments and a reset, no length": reset_behind(lambda lines, body: without_length(lines)),
    "two segments and a reset, short of the length": reset_behind(
        lambda lines, body: [*without_length(lines), b"Content-Length: %d" % (len(body) + 40)]
    ),
    "a reset in the place of the last tag": reset_for_the_last_tag,
    "SOAP faults with status 200": faults_with_200,
    "success with status 500": success_with_500,
    "numbers as floats": numbers(lambda value: value + b".0"),
    "numbers with a sign and zeros": numbers(lambda value: b"+000" + value),
    "numbers with blanks in them": numbers(lambda value: b"\n" + value[:-3] + b" " + value[-3:] + b"\t"),
    "numbers with a unit": numbers(lambda value: value + b" sec"),
    "addresses with leading zeros": addresses(
        lambda value: b".".join(b"%03d" % int(each) for each in value.split(b"."))
    ),
    "addresses with a prefix length": addresses(lambda value: value + b"/24"),
    "addresses with a port": addresses(lambda value: value + b":0"),
    "control URLs with dots": control_url(lambda url: b"/a/./b/../.." + url),
    "control URLs without a slash": control_url(lambda url: url.lstrip(b"/")),
    "control URLs of another scheme's spelling": control_url(lambda url: b"HTTP:" + url),
    "control URLs with a fragment": control_url(lambda url: url + b"#control"),
    "control URLs with a user": control_url(lambda url: b"http://admin:admin@192.168.1.1:5000" + url),
    "control URLs with backslashes": control_url(lambda url: url.replace(b"/", b"\\")),
}


def twisted(twist: Twist, respond: Callable[[bytes, str, float], HttpScript]) -> Callable[..., HttpScript]:
    """A gateway's ``respond`` with the twist in all that it says."""
    return lambda data, client, now: twist(data, respond(data, client, now))


def one_behind() -> Twist:
    """What belongs to the request before, as of a gateway that mixes up its connections."""
    before = HttpScript()

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        nonlocal before
        told, before = before, good
        return told

    return twist


def endless_table(request: bytes, good: HttpScript) -> HttpScript:
    """Each place of its table has an entry, ever another one; it cannot be asked for one by its port."""
    place = re.search(rb"<NewPortMappingIndex>(\d+)<", request)
    if place is None:
        return good if b"#GetSpecific" not in request else fault(b"401")
    port = int(place[1]) % 60000 + 1
    fields = (
        b"<NewExternalPort>%d</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>1"
        b"</NewInternalPort><NewInternalClient>192.168.1.77</NewInternalClient><NewEnabled>1</NewEnabled>"
        b"<NewPortMappingDescription>x</NewPortMappingDescription><NewLeaseDuration>9</NewLeaseDuration>"
    )
    return answer(
        b"<GetGenericPortMappingEntryResponse>%s</GetGenericPortMappingEntryResponse>" % (fields % port)
    )


def ever_other_faults() -> Twist:
    count = 0

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        nonlocal count
        count += 1
        return fault(b"%d" % (count % 90000)) if b"#Get" in request and b"PortMapping" in request else good

    return twist


def moving_control() -> Twist:
    """Each description names another control URL, and the one before is not there any more."""
    count = 0

    def twist(request: bytes, good: HttpScript) -> HttpScript:
        nonlocal count
        if request.startswith(b"GET"):
            count += 1
            return control_url(lambda url: url + b"?%d" % count)(request, good)
        path = request.split(b" ", 2)[1]
        gone = not path.endswith(b"?%d" % count)
        return joined([b"HTTP/1.1 404 Not Found", b"Content-Length: 0"], b"") if gone else good

    return twist


def answer(body: bytes) -> HttpScript:
    return joined([b"HTTP/1.1 200 OK", length_of(body)], body)


def fault(code: bytes, words: bytes = b"x") -> HttpScript:
    said = b"<errorCode>%s</errorCode><errorDescription>%s</errorDescription>" % (code, words)
    return answer(b"<s:Fault><UPnPError>%s</UPnPError></s:Fault>" % said)


def for_adding(twist: Twist) -> Twist:
    """Only in answers to AddPortMapping and AddAnyPortMapping: it is found, and then it begins."""
    return lambda request, good: twist(request, good) if b"#Add" in request else good


HOSTILE: Final[dict[str, Callable[[], Twist]]] = {
    "each answer belongs to the request before": one_behind,
    "100 Continue for ever": lambda: for_adding(
        lambda request, good: HttpScript(
            (Piece(0.0, b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),), Ending.KEEP_OPEN
        )
    ),
    "headers without end": lambda: for_adding(
        lambda request, good: HttpScript((Piece(0.0, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000),))
    ),
    "a chunk of four gigabytes, and silence": lambda: for_adding(
        lambda request, good: joined(
            [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked"], b"FFFFFFFF\r\n<a>", Ending.KEEP_OPEN
        )
    ),
    "a length of a gigabyte, and silence": lambda: for_adding(
        lambda request, good: joined(
            [b"HTTP/1.1 200 OK", b"Content-Length: 999999999"], b"<a>", Ending.KEEP_OPEN
        )
    ),
    "a byte each second": lambda: for_adding(
        lambda request, good: HttpScript(tuple(Piece(1.0, good.data[at : at + 1]) for at in range(60)))
    ),
    "an element's name of 100,000 letters": lambda: for_adding(
        with_body(lambda body: b"<" + b"n" * 100_000 + b">" + body)
    ),
    "twenty thousand attributes": lambda: for_adding(
        with_body(lambda body: b"<a %s>%s</a>" % (b" ".join(b"a%d=''" % n for n in range(20_000)), body))
    ),
    "numbers of 4,000 digits": lambda: numbers(lambda value: value * 1000),
    "negative numbers": lambda: numbers(lambda value: b"-" + value),
    "ports and leases of 0": lambda: numbers(lambda value: b"0"),
    "ports and leases beyond 65535": lambda: numbers(lambda value: b"70000"),
    "a table without end": lambda: endless_table,
    "ever another fault": ever_other_faults,
    "ever another control URL": moving_control,
    "control characters in what it says": lambda: (
        lambda request, good: (
            fault(b"718", b"\x1b[2J\x07\xc2\x9b31m&#x1b;[31m") if b"#Add" in request else good
        )
    ),
    "success inside a comment, and a fault in plain sight": lambda: (
        lambda request, good: (
            answer(b"<a><!-- <AddPortMappingResponse/> --><errorCode>718</errorCode></a>")
            if b"#Add" in request
            else good
        )
    ),
    "says that all is well, and does nothing": lambda: (
        lambda request, good: answer(b"<AddPortMappingResponse/>") if b"#AddPort" in request else good
    ),
}
REFUSING: Final = frozenset(  # those that must not do what they say they do not
    ("control characters in what it says", "success inside a comment, and a fault in plain sight")
)
HOPELESS: Final = frozenset(("each answer belongs to the request before",))  # nobody can know what it deleted
