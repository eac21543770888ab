"""What each NAT parameter of a profile means for peers inside and outside, in a sentence.

``local-network-acl`` is always told, for it says who is inside; the others where they are not what they are
without being written. ``ext-sip-ip`` and ``ext-rtp-ip`` are ``foresight``'s.

Lives here: the sentences. Never here: the rules (``reachability``, ``registrations/nat``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ..net.values import frozen
from .configuration import ProfileSettings

Value = str | None  # as written, or as it would be; None: there is nothing to tell


@frozen
class Meaning:
    """One parameter: its name, its value, and what that will do."""

    name: str
    value: str
    text: str


def meanings_of(settings: ProfileSettings) -> Iterator[Meaning]:
    """Those of one profile, in the order in which people ask."""
    yield _inside(settings)
    for name, value_of, text in SENTENCES:
        value = value_of(settings)
        if value is not None:
            yield Meaning(name, value, text)


def _inside(settings: ProfileSettings) -> Meaning:
    value = settings.local_network_acl
    if value.lower() == "none":
        text = "nobody but this machine is inside: peers at home are shown what peers outside see"
    else:
        text = "who is in it is inside; everybody else is outside, and a peer on this machine never is"
    return Meaning("local-network-acl", value, text)


def _true(what: bool) -> Value:
    return "true" if what else None


def _rport(settings: ProfileSettings) -> str:
    return settings.registration.ndlb_force_rport


Sentence = tuple[str, Callable[[ProfileSettings], Value], str]
SENTENCES: Final[tuple[Sentence, ...]] = (
    (
        "ext-sip-port",
        lambda each: None if each.ext_sip_port is None else str(each.ext_sip_port),
        "peers outside are shown this port, whatever the gateway grants; inside it is that of sip-port",
    ),
    (
        "apply-nat-acl",
        lambda each: ",".join(each.registration.apply_nat_acl) or None,
        "a phone that shows an address of these lists and is heard from elsewhere, outside, is called where "
        "it was heard; one that is there itself, inside, at its Contact",
    ),
    (
        "aggressive-nat-detection",
        lambda each: _true(each.aggressive_nat_detection),
        "a phone, inside too, whose Via is not where it is heard is called where it was heard",
    ),
    (
        "NDLB-force-rport",
        lambda each: _rport(each) if _rport(each) in ("true", "server-only") else None,
        "peers inside and outside are answered where their requests came from, asked (rport) or not",
    ),
    (
        "NDLB-force-rport",
        lambda each: "safe" if _rport(each) == "safe" else None,
        "phones that name themselves Polycom or KIRK are answered where their requests came from; others as "
        "they ask (rport)",
    ),
    (
        "NDLB-received-in-nat-reg-contact",
        lambda each: _true(each.registration.ndlb_received_in_nat_reg_contact),
        "a phone behind a NAT is told in the answer to its REGISTER where it was heard",
    ),
    (
        "NDLB-connectile-dysfunction",
        lambda each: _true(each.registration.ndlb_connectile_dysfunction),
        "phones inside and outside are called where they were heard, whatever their Contact says",
    ),
    (
        "tcp-always-nat",
        lambda each: _true(each.registration.tcp_always_nat),
        "phones inside and outside that register over TCP are called where they were heard",
    ),
    (
        "tls-always-nat",
        lambda each: _true(each.registration.tls_always_nat),
        "phones inside and outside that register over TLS are called where they were heard",
    ),
    (
        "nat-options-ping",
        lambda each: _unless_false(each.registration.nat_options_ping),
        "phones behind a NAT are asked by OPTIONS, which keeps the way to them open",
    ),
    (
        "all-reg-options-ping",
        lambda each: _true(each.registration.all_reg_options_ping),
        "all registered phones are asked by OPTIONS, those inside too",
    ),
    (
        "unregister-on-options-fail",
        lambda each: _true(each.registration.unregister_on_options_fail),
        "a phone, inside or outside, that answers no OPTIONS is forgotten",
    ),
    (
        "disable-rtp-auto-adjust",
        lambda each: _true(each.disable_rtp_auto_adjust),
        "audio goes where the SDP says: a phone outside that shows a private address hears nothing",
    ),
    (
        "auto-restart",
        lambda each: None if each.auto_restart else "false",
        "when this machine gets another address nobody, inside or outside, reaches the profile any more",
    ),
)


def _unless_false(text: str) -> Value:
    return None if text == "false" else text
