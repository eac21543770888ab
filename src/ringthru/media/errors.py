"""What the media room raises on purpose: one root, two branches."""

from __future__ import annotations


class MediaError(Exception):
    """Everything this package raises on purpose."""


class LocalError(MediaError):
    """We asked for what cannot be: a bug, a bad setting, or a resource that ran out."""


class NoFreePorts(LocalError):
    """No pair of RTP and RTCP ports can be had; the message says where it looked and why."""


class EngineFull(NoFreePorts):
    """The media engine takes no more legs: whoever calls may come again (SIP: 503)."""


class EngineMissing(LocalError):
    """The media engine that was asked for cannot run here; the message says why, and what to do."""


class RemoteError(MediaError):
    """The peer sent what we cannot use: logged and counted, never fatal."""


class MalformedPacket(RemoteError):
    """The bytes are not the RTP or RTCP packet that they should be."""


class MalformedSdp(RemoteError):
    """The bytes are no session description (RFC 8866), or one beyond our bounds."""


class NoCommonCodec(RemoteError):
    """A readable description in which nothing is both offered and known here (SIP: 488)."""
