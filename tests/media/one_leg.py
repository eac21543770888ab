"""One leg's stream and its peer, for tests under a manual clock."""

from ringthru.media.description.offer_answer import PCMU, Negotiated
from ringthru.media.leg.stream import MediaStream
from ringthru.media.rtp.packet import RtpPacket
from ringthru.net.address import Endpoint

PEER = Endpoint("192.0.2.5", 4000)
PEER_RTCP = Endpoint("192.0.2.5", 4001)
AGREED = Negotiated(b"", PCMU, PEER, PEER_RTCP, 101, "sendrecv", 20, 0, 101)
AUDIO = bytes(range(160))


def stream(agreed: Negotiated | None = AGREED, ssrc: int = 77) -> MediaStream:
    made = MediaStream(ssrc=ssrc, sequence=500, timestamp=9000, cname="us", uniform=lambda: 0.5)
    if agreed is not None:
        made.connect(agreed, 0.0)
    return made


def rtp(sequence: int, kind: int = 0, ssrc: int = 5, payload: bytes = AUDIO) -> bytes:
    return RtpPacket(kind, sequence, sequence * 160, ssrc, payload).encode()


def sent(ours: MediaStream) -> list[RtpPacket]:
    return [RtpPacket.decode(each) for each in ours.rtp_to_send()]


def echoing() -> MediaStream:
    ours = stream()
    ours.set_sink(ours)
    ours.rtp_to_send()
    return ours
