"""What a profile's ``ext-sip-ip`` and ``ext-rtp-ip`` come to at this moment (FreeSWITCH's table of values).

===============  ==================================================  ===========================
value            address                                             auto-nat
===============  ==================================================  ===========================
not there        the other parameter's where auto-nat is on          as the other says
empty            none, and the log says so                           as the other says
``auto-nat``     the gateway's, as soon as there is one              on while there is one
``autonat:X``    X; for the other too, where that is not there       on
``auto``         our own                                             off
an address       that                                                off
``host:NAME``    what DNS says (``address_lookup``)                  off
``stun:SERVER``  what that server sees                               off
===============  ==================================================  ===========================

Lives here: both settings together, the port that goes with them, and where each came from, in words.
Never here: which peer sees which (``reachability``), asking anybody.
"""

from __future__ import annotations

from ...net.address import Endpoint
from ..configuration import AddressKind as Setting
from ..configuration import AddressSetting, ProfileSettings
from ..reachability import ProfileAddresses, TransportPorts
from .address_lookup import AddressLookups


class ExternalAddress:
    """One profile's; ``gateway`` is set and taken back by whoever watches the gateway."""

    def __init__(
        self,
        settings: ProfileSettings,
        own_address: str,
        lookups: AddressLookups,
    ) -> None:
        self.gateway: str | None = None
        self._settings = settings
        self._own_address = own_address
        self._lookups = lookups
        both = (settings.ext_sip_ip, settings.ext_rtp_ip)
        self._looked_up = tuple(each for each in both if each.is_looked_up)

    def start(self) -> None:
        """Begin to look up what has to be looked up."""
        for setting in (self._settings.ext_sip_ip, self._settings.ext_rtp_ip):
            self._lookups.want(setting)

    @property
    def basis(self) -> tuple[object, ...]:
        """What ``now`` depends on beside its arguments and the settings: equal means that nothing changed."""
        if not self._looked_up:
            return (self.gateway,)
        answers = [(self._lookups.address(each), self._lookups.words(each)) for each in self._looked_up]
        return (self.gateway, *answers)

    @property
    def auto_nat(self) -> bool:
        both = (self._settings.ext_sip_ip, self._settings.ext_rtp_ip)
        found = any(each.kind is Setting.AUTO_NAT for each in both) and self.gateway is not None
        return found or any(each.autonat for each in both)

    def now(
        self,
        sip: Endpoint,
        rtp_ip: str,
        *,
        port: int,
        port_source: str = "sip-port",
        others: tuple[TransportPorts, ...] = (),
    ) -> ProfileAddresses:
        """What the settings come to.

        ``sip`` is where the profile listens, ``port`` where the world comes in, and how that is known;
        ``others`` are the ports of transports that have their own.
        """
        ext_sip, sip_source = self._one(self._settings.ext_sip_ip, "ext-sip-ip")
        ext_rtp, rtp_source = self._one(self._settings.ext_rtp_ip, "ext-rtp-ip")
        if self.auto_nat:  # one parameter alone must not leave the SDP private, or the Contact
            if ext_sip is None and self._settings.ext_rtp_ip.autonat:
                ext_sip, sip_source = ext_rtp, rtp_source
            if ext_sip is None:
                ext_sip, sip_source = self.gateway, "the gateway"
            if ext_rtp is None:
                ext_rtp, rtp_source = (self.gateway, "the gateway") if self.gateway else (ext_sip, sip_source)
        return ProfileAddresses(
            sip=sip,
            rtp_ip=rtp_ip,
            ext_sip=Endpoint(ext_sip, port) if ext_sip else None,
            ext_rtp_ip=ext_rtp,
            auto_nat=self.auto_nat,
            local_network_acl=self._settings.local_network_acl,
            source=sip_source,
            port_source=port_source,
            media_source=rtp_source,
            others=others,
        )

    def _one(self, setting: AddressSetting, name: str) -> tuple[str | None, str]:
        """The address one of the two comes to, and where from."""
        match setting.kind:
            case Setting.AUTO_NAT:
                return self.gateway, "the gateway"
            case Setting.AUTO:
                return self._own_address, f"{name} auto: our own address"
            case Setting.HOST | Setting.STUN:
                return self._lookups.address(setting), self._lookups.words(setting)
            case Setting.EMPTY:
                return None, f"{name}, which is empty"
            case Setting.MISSING:
                return None, f"{name}, which is not set"
        return setting.address, f"{name} in the configuration"
