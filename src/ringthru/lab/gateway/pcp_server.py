"""The fake gateway's PCP server (RFC 6887), written apart from our client on purpose.

Lives here: who may ask, which options there are, the form of an answer, and rows about these.
Never here: what is granted (pcp_book); sockets, the epoch's clock; ringthru.portmap, whose errors must
not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from ...net.address import Endpoint
from .mapping_table import MappingTable, Reason, Refused
from .noise import noise
from .pcp_book import PcpBook
from .pcp_messages import (
    ANNOUNCE,
    DESCRIPTION,
    FILTER,
    LONGEST,
    MAP,
    OPTIONAL,
    PEER,
    PREFER_FAILURE,
    RESPONSE,
    THIRD_PARTY,
    VERSION,
    Option,
    PcpError,
    Request,
    Result,
    announcement,
    head,
    read_address,
    read_request,
    refusal,
    write_address,
)

LONGEST_DESCRIPTION: Final = 1016  # octets (RFC 7220 §3)
RESULTS: Final = {
    Reason.NOT_AUTHORIZED: Result.NOT_AUTHORIZED,
    Reason.CONFLICT: Result.CANNOT_PROVIDE_EXTERNAL,
    Reason.FULL: Result.USER_EX_QUOTA,
    Reason.FAILED: Result.NETWORK_FAILURE,
}


class PcpServer:
    """Answers for one gateway. ``epoch`` gives whole seconds, ``external_address`` a text ("" for none).

    ``allowed`` hosts are let in where row PC03 holds the others off; ``book`` has what was granted.
    ``inside_v6`` is the LAN's prefix; ``third_party`` lets a client map for others (§13.1). While
    ``keeps_flows`` is False there is no PEER.
    """

    def __init__(
        self,
        table: MappingTable,
        epoch: Callable[[], int],
        external_address: Callable[[], str],
        clock: Callable[[], float],
        *,
        inside_v6: IPv6Network | None = None,
        third_party: bool = False,
    ) -> None:
        self.allowed: set[str] = set()
        self.keeps_flows = True
        self.inside_v6 = inside_v6
        self.third_party = third_party
        self.book = PcpBook(table, external_address, clock)
        self._table = table
        self._epoch = epoch

    def is_inside(self, host: str) -> bool:
        """Whether it is a host of ours: on the LAN, or reaching us from a link-local address."""
        if ":" not in host:
            return self._table.is_inside(host)
        address = IPv6Address(host.partition("%")[0])
        return is_link_local(host) or (self.inside_v6 is not None and address in self.inside_v6)

    def answer(self, datagram: bytes, source: Endpoint) -> list[bytes]:
        """The datagrams to send back; none for what is no request or comes from elsewhere than inside."""
        if len(datagram) < 2 or datagram[1] & RESPONSE or not self.is_inside(source.host):
            return []
        if self._table.quirks.garbage:
            return [noise(datagram, 5), noise(datagram, 60), bytes((VERSION, RESPONSE | MAP)) + bytes(3)]
        return self._spoilt(self._respond(datagram, source.host))

    def unsupported_version(self, datagram: bytes, version: int = VERSION) -> bytes:
        """What a server of another version says, in PCP's form (§9)."""
        error = PcpError(Result.UNSUPP_VERSION)
        return head(datagram[1], error.result, error.lifetime, self._epoch(), version)

    def announcement(self) -> bytes:
        """An unsolicited ANNOUNCE (§14.1.2)."""
        return announcement(self._epoch())

    def _respond(self, datagram: bytes, client: str) -> bytes:
        if datagram[0] != VERSION:
            return self.unsupported_version(datagram)
        try:
            request = read_request(datagram)
            self._check_client(request, client)
            options = self._options(request)
            if request.opcode == ANNOUNCE:
                return head(ANNOUNCE, Result.SUCCESS, 0, self._epoch())
            if request.opcode == PEER and not self.keeps_flows:
                raise PcpError(Result.UNSUPP_OPCODE)
            lifetime, body, told = self.book.map(request, self._whose(request, options), options)
        except PcpError as error:
            return refusal(datagram, error, self._epoch())
        except Refused as refused:
            result = RESULTS.get(refused.reason, Result.NO_RESOURCES)
            return refusal(datagram, PcpError(result), self._epoch())
        words = b"".join(option.encode() for option in told)
        return head(request.opcode, Result.SUCCESS, lifetime, self._epoch()) + body + words

    def _check_client(self, request: Request, client: str) -> None:
        same = write_address(client) == write_address(request.client)
        if self._has("PC02") or not same:
            raise PcpError(Result.ADDRESS_MISMATCH)
        if self._has("PC03") and request.opcode != ANNOUNCE and client not in self.allowed:
            raise PcpError(Result.NOT_AUTHORIZED)

    def _options(self, request: Request) -> tuple[Option, ...]:
        """The options we know, checked (§7.3); of the others the mandatory ones are refused."""
        known = {THIRD_PARTY, PREFER_FAILURE, FILTER, DESCRIPTION}
        if self._has("PC11"):
            known = {DESCRIPTION}
        if not self.third_party:
            known.discard(THIRD_PARTY)
        if any(each.code not in known and each.code < OPTIONAL for each in request.options):
            raise PcpError(Result.UNSUPP_OPTION)
        options = tuple(each for each in request.options if each.code in known)
        for option in options:
            self._check_option(option, request.opcode)
        once = [each.code for each in options if each.code != FILTER]
        if len(once) != len(set(once)):
            raise PcpError(Result.MALFORMED_OPTION)
        return options

    def _check_option(self, option: Option, opcode: int) -> None:
        opcodes, lengths = {
            THIRD_PARTY: ({MAP, PEER}, {16}),
            PREFER_FAILURE: ({MAP}, {0}),
            FILTER: ({MAP}, {20}),
            DESCRIPTION: ({MAP, PEER}, range(LONGEST_DESCRIPTION + 1)),
        }[option.code]
        permitted: Collection[int] = lengths
        unwelcome = option.code == DESCRIPTION and self._has("PC22")
        if opcode not in opcodes or len(option.data) not in permitted or unwelcome:
            raise PcpError(Result.MALFORMED_OPTION)

    def _whose(self, request: Request, options: tuple[Option, ...]) -> str:
        """The internal address: the client's own, or the third party's."""
        other = next((read_address(each.data) for each in options if each.code == THIRD_PARTY), None)
        if other is None:
            return request.client
        if other == request.client:
            raise PcpError(Result.MALFORMED_REQUEST)  # §13.1
        if not self.is_inside(other):
            raise PcpError(Result.NOT_AUTHORIZED)
        return other

    def _spoilt(self, answer: bytes) -> list[bytes]:
        """Row PC15: before the good answer come those that must be dropped (RFC 6887 §8.3)."""
        if not self._has("PC15"):
            return [answer]
        wrong_nonce = answer[:24] + bytes(b ^ 255 for b in answer[24:36]) + answer[36:]
        no_response = answer[:1] + bytes((answer[1] & 127,)) + answer[2:]
        too_long = answer + bytes(LONGEST + 4 - len(answer))
        unknown_option = Option(254, b"?").encode()
        return [wrong_nonce, answer + b"\0\0", too_long, no_response, answer + unknown_option]

    def _has(self, row: str) -> bool:
        return self._table.quirks.has(row)


def is_link_local(host: str) -> bool:
    return ":" in host and IPv6Address(host.partition("%")[0]).is_link_local
