"""What the dialplan may test and name of a call, besides its variables: ``${sip_from_user}`` and so on.

They are looked up when they are asked for, so that no call pays for those that nobody names. What a stranger
wrote is escaped (``dialstring.harmless``). The SIP ones are empty for a leg without a SIP dialog.

Lives here: the names, and where each comes from. Never here: variables that somebody set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ...media import Codec, offered_audio
from ...net.address import Endpoint
from ...sip import Request
from ..audio.codec_choice import shown_rate, way_of
from ..dialing.dialstring import harmless

if TYPE_CHECKING:
    from ..calls.channel import Channel

Field = Callable[["Channel"], str]


def _of_request(read: Callable[[Request], str | None]) -> Field:
    def field(channel: Channel) -> str:
        return harmless(read(channel.call.request) or "") if channel.call is not None else ""

    return field


def _peer_host(channel: Channel) -> str:
    return channel.call.flow.remote.host if channel.call is not None else ""


def _peer_port(channel: Channel) -> str:
    return str(channel.call.flow.remote.port) if channel.call is not None else ""


def _told(channel: Channel, read: Callable[[Endpoint], str]) -> str:
    """Of the address that the peer's SDP names."""
    agreed = channel.media.negotiated if channel.media is not None else None
    return read(agreed.remote_rtp) if agreed is not None else ""


def _own_network_address(channel: Channel) -> str:
    """Our external address where there is one, else the private one, whoever the peer is."""
    if channel.call is None:
        return ""
    known = channel.profile.addresses()
    return (known.ext_sip or known.sip).host


def _media_port(channel: Channel) -> str:
    return str(channel.media.advertised.rtp_port) if channel.media is not None else ""


def _codec(channel: Channel, read: Callable[[Codec], str]) -> str:
    codec = channel.media.codec if channel.media is not None else None
    return harmless(read(codec)) if codec is not None else ""


def _ptime(channel: Channel) -> int:
    agreed = channel.media.negotiated if channel.media is not None else None
    return agreed.ptime if agreed is not None else 0


def _offered(channel: Channel) -> str:
    """What the caller offered, as FreeSWITCH writes it: ``NAME@RATEh``."""
    offered = offered_audio(channel.offer) if channel.offer is not None else []
    return ",".join(f"{each.encoding}@{each.clock_rate}h" for each in offered)


def source_of(channel: Channel) -> str:
    """The module of FreeSWITCH's that has such channels."""
    return f"mod_{channel.name.partition('/')[0]}"


FIELDS: Final[Mapping[str, Field]] = {
    # The caller's profile
    "ani": lambda channel: channel.caller.number,
    "caller_id_name": lambda channel: harmless(channel.caller.name),
    "caller_id_number": lambda channel: channel.caller.number,
    "chan_name": lambda channel: channel.name,
    "channel_name": lambda channel: channel.name,
    "context": lambda channel: channel.context,
    "destination_number": lambda channel: channel.destination,
    "dialplan": lambda channel: channel.dialplan,
    "direction": lambda channel: channel.direction.value,
    "network_addr": _peer_host,
    "source": lambda channel: source_of(channel),
    "state": lambda channel: channel.state,
    "username": lambda channel: channel.variables.get("user_name", ""),
    "uuid": lambda channel: channel.uuid,
    # The INVITE
    "sip_call_id": _of_request(lambda request: request.call_id),
    "sip_from_display": _of_request(lambda request: request.from_.display),
    "sip_from_host": _of_request(lambda request: request.from_.uri.host),
    "sip_from_user": _of_request(lambda request: request.from_.uri.user),
    "sip_req_host": _of_request(lambda request: request.request_uri.host),
    "sip_req_user": _of_request(lambda request: request.request_uri.user),
    "sip_to_host": _of_request(lambda request: request.to.uri.host),
    "sip_to_user": _of_request(lambda request: request.to.uri.user),
    "sip_via_protocol": lambda channel: channel.call.flow.transport.lower() if channel.call else "",
    "sip_user_agent": _of_request(lambda request: request.get("User-Agent")),
    # Its audio
    "read_codec": lambda channel: _codec(channel, lambda codec: codec.encoding),
    "read_rate": lambda channel: _codec(channel, lambda codec: str(shown_rate(codec))),
    "write_codec": lambda channel: _codec(channel, lambda codec: codec.encoding),
    "write_rate": lambda channel: _codec(channel, lambda codec: str(shown_rate(codec))),
    "rtp_use_codec_name": lambda channel: _codec(channel, lambda codec: codec.encoding),
    "rtp_use_codec_rate": lambda channel: _codec(channel, lambda codec: str(codec.clock_rate)),
    "rtp_use_codec_fmtp": lambda channel: _codec(channel, lambda codec: codec.parameters),
    "rtp_use_codec_ptime": lambda channel: _codec(channel, lambda codec: str(_ptime(channel))),
    "ep_codec_string": lambda channel: _offered(channel),
    "ringthru_bridged_audio": way_of,
    # Where it came from, and what its peer sees of us
    "advertised_media_ip": lambda channel: channel.media.advertised.host if channel.media else "",
    "local_media_ip": lambda channel: channel.media.leg.local.host if channel.media else "",
    "local_media_port": _media_port,
    "remote_media_ip": lambda channel: _told(channel, lambda place: place.host),
    "remote_media_port": lambda channel: _told(channel, lambda place: str(place.port)),
    "sip_local_network_addr": _own_network_address,
    "sip_network_ip": _peer_host,
    "sip_network_port": _peer_port,
    "sip_profile_name": lambda channel: channel.profile.name,
    "sip_received_ip": _peer_host,
    "sip_received_port": _peer_port,
}
