"""Offers as phones write them, and our side of what is agreed on."""

from ringthru.media.description.offer_answer import PCMA, PCMU, MediaAddress
from ringthru.media.description.sdp import SessionDescription

G711 = (PCMU, PCMA)
HERE = MediaAddress("203.0.113.9", 20000, 20001)
BARESIP = """v=0
o=- 3907230881 1733829126 IN IP4 192.168.7.20
s=-
c=IN IP4 192.168.7.20
t=0 0
a=tool:baresip 1.0.0
m=audio 17546 RTP/AVP 96 0 8 101
b=AS:125
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:17547
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:2127417190 cname:sip:anna@192.168.7.20
a=ptime:20
"""
SIPP = """v=0
o=user1 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
SIPP_BARE = SIPP.replace("a=rtpmap:0 PCMU/8000\n", "").replace("AVP 0", "AVP 8")
LINPHONE = """v=0
o=carla 2735 1401 IN IP4 192.168.7.31
s=Talk
c=IN IP4 192.168.7.31
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp:52061
a=rtcp-fb:* trr-int 1000
a=rtcp-fb:* ccm tmmbr
m=video 9078 RTP/AVP 96
a=rtpmap:96 VP8/90000
a=rtcp:54417
a=rtcp-fb:* trr-int 1000
"""
YEALINK = """v=0
o=- 20007 20007 IN IP4 192.168.7.44
s=SDP data
c=IN IP4 192.168.7.44
t=0 0
m=audio 11788 RTP/SAVP 9 0 8 18 101
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
m=audio 11788 RTP/AVP 9 8 0 18 101
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
"""
WEBRTC = """v=0
o=- 46117317 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:someufrag
a=rtcp-mux
"""


def parse(text: str) -> SessionDescription:
    return SessionDescription.parse(text.replace("\n", "\r\n").encode())


def audio(*attributes: str, host: str = "192.0.2.5", formats: str = "0") -> str:
    return f"v=0\no=- 1 1 IN IP4 {host}\nc=IN IP4 {host}\nm=audio 4000 RTP/AVP {formats}\n" + "".join(
        f"a={each}\n" for each in attributes
    )
