"""Why does no ACK come? A verdict four seconds after an answer, with its evidence and its cure.

A 200 that nobody acknowledges ends the call after 32 s, "ACK timeout", while the sound was fine: RTP found a
way of its own. The answering side knows a good deal about why, and says it while the call still stands.

Lives here: the evidence, the classes of causes, the words.
Never here: sockets, or any change to the call.

=====  ===================================  ============================================================
class  what is wrong                        how it shows
=====  ===================================  ============================================================
1      our Contact cannot be reached        private address in our 200, caller on the Internet
2      our Contact has the wrong port       our 200 says another port than the gateway now has for us
3      our address changed meanwhile        our 200 says another address than the gateway now has
4      a SIP ALG rewrites                   an ACK came that differs in one key, or cannot be read
5      a proxy on the way loses it          our 200 carried a Record-Route
7      their NAT closed, or our 200 is lost copies of the INVITE keep coming: our 200 does not arrive
6      the caller's own fault               another request of the call came: our 200 was heard
8      the 200 is too large                 more than 1300 bytes over UDP: fragments are dropped
6, 9   the caller's own fault, or its ACK   nothing of the above; of 9 that is a caller which lost one ACK and
       is lost each time                    does not repeat it, nothing else can be seen from here
=====  ===================================  ============================================================
"""

from __future__ import annotations

from ...net.address import Endpoint
from ...net.values import frozen

LARGE = 1300  # bytes; RFC 3261 §18.1.1
UNHEARD = 2  # copies of the INVITE; one may have crossed our answer


@frozen
class Evidence:
    """What the switch knows about one 2xx without an ACK."""

    peer: Endpoint  # where the INVITE came from
    told: Endpoint  # our address as our 2xx's Contact says it
    now: Endpoint  # our address as this peer would be told it now
    peer_is_public: bool
    told_is_public: bool
    transport: str
    copies: int  # of the 2xx so far
    size: int  # bytes of it
    proxies: int  # Record-Routes in the INVITE
    unheard: int = 0  # copies of the INVITE that came after our 2xx
    asked: bool = False  # a later request of the caller's in this call came
    near_miss: str = ""  # what an ACK from there differed in, in words
    audio_packets: int = 0  # heard meanwhile
    agent: str = ""  # the caller's User-Agent


@frozen
class AckVerdict:
    """One class of causes, in words that a person understands."""

    number: int
    cause: str
    evidence: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cause} Evidence: {self.evidence}. Cure: {self.cure}."


def judge(found: Evidence) -> AckVerdict:
    """The likeliest class, the surest evidence first."""
    for rule in (_rewritten, _careless, _unheard, _private, _moved, _wrong_port, _too_large, _proxied):
        verdict = rule(found)
        if verdict is not None:
            return verdict
    heard = f", while {found.audio_packets} audio packets did" if found.audio_packets else ""
    return AckVerdict(
        6,
        "The caller does not acknowledge our answer, or its ACK is lost on the way.",
        f"{found.copies} copies of our 200 went to {found.peer}, no ACK came{heard}; "
        f"our Contact {found.told} is what this caller should reach",
        f"trace the call at the caller{_named(found)}: does our 200 arrive there, and where does it send its "
        "ACK? Turn off any SIP ALG (SIP helper) in its router",
    )


def _named(found: Evidence) -> str:
    return f" ({found.agent[:60]})" if found.agent.isprintable() and found.agent else ""


def _rewritten(found: Evidence) -> AckVerdict | None:
    if not found.near_miss:
        return None
    return AckVerdict(
        4,
        "A device on the way rewrites SIP (a SIP ALG, or STUN and an ALG together).",
        f"an ACK came from {found.peer.host}, but {found.near_miss}",
        "turn off SIP ALG (SIP helper, SIP fixup) in the caller's router, or let the phone use "
        "another port than 5060, TCP or TLS; turn off STUN in a phone that registers here",
    )


def _careless(found: Evidence) -> AckVerdict | None:
    if not found.asked:
        return None
    return AckVerdict(
        6,
        "The caller does not acknowledge our answer, though it got it.",
        f"another request of the call came from {found.peer}, so our 200 had arrived, and no ACK before it",
        f"tell the maker of the phone{_named(found)}: it owes an ACK for each 200 to its INVITE, sent to the "
        "address in our Contact",
    )


def _unheard(found: Evidence) -> AckVerdict | None:
    if found.unheard < UNHEARD:
        return None
    return AckVerdict(
        7,
        "Our answers do not reach the caller: its NAT or firewall lets them not in, or has closed the way.",
        f"its INVITE came {found.unheard} times more after our 200, as if nobody had answered; "
        f"our answers go to {found.peer}",
        "let the phone ask for rport and send keepalives, or use TCP or TLS; set NDLB-force-rport=true where "
        "it cannot ask; look for a firewall before it",
    )


def _private(found: Evidence) -> AckVerdict | None:
    if found.told_is_public or not found.peer_is_public:
        return None
    return AckVerdict(
        1,
        "Our answer told the caller an address that it cannot reach.",
        f"the Contact in our 200 is {found.told}, a private address, and the caller is {found.peer}",
        "set ext-sip-ip of the profile to auto-nat or to your public address, and check that "
        f"local-network-acl does not count {found.peer.host} as near (nat_map explain {found.peer.host})",
    )


def _moved(found: Evidence) -> AckVerdict | None:
    if found.told.host == found.now.host:
        return None
    return AckVerdict(
        3,
        "Our public address changed while the call was answered.",
        f"the Contact in our 200 is {found.told}, and it is {found.now} by now",
        "nothing to do: live calls are told the new address, and new calls carry it",
    )


def _wrong_port(found: Evidence) -> AckVerdict | None:
    if found.told.port == found.now.port:
        return None
    return AckVerdict(
        2,
        "Our answer told the caller a port that does not lead to us.",
        f"the Contact in our 200 says port {found.told.port}, and the gateway has {found.now.port} for us",
        "nothing to do for the next call; with a hand-made port forward set ext-sip-port to its outer port",
    )


def _too_large(found: Evidence) -> AckVerdict | None:
    if found.transport != "UDP" or found.size <= LARGE:
        return None
    return AckVerdict(
        8,
        "Our answer may be too large for the way: fragments of UDP datagrams are often dropped.",
        f"our 200 has {found.size} bytes",
        "let the caller use TCP, or offer fewer codecs",
    )


def _proxied(found: Evidence) -> AckVerdict | None:
    if not found.proxies:
        return None
    return AckVerdict(
        5,
        "A proxy on the way loses the ACK.",
        f"the INVITE came through {found.proxies} proxies that record their route; the ACK must pass them",
        "ask whoever runs the proxy: does it see the ACK, and where does it send it?",
    )
