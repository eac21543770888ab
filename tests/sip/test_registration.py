"""RFC 3261 §10.3: what a registrar keeps of REGISTER requests."""

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.flow import Flow
from ringthru.sip.registrar.binding import Keep, Origin, Terms
from ringthru.sip.registrar.registration import Bindings
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse

AOR = "sip:alice@example.com"
SOURCE = Endpoint("198.51.100.7", 40000)
ORIGIN = Origin(Flow("UDP", Endpoint("10.0.0.1", 5060), SOURCE), "internal")


def register(
    *contacts: str, cseq: int = 1, call_id: str = "a", expires: str | None = None, more: list | None = None
) -> Request:
    headers = [
        ("Via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1"),
        ("From", f"<{AOR}>;tag=1"),
        ("To", f"<{AOR}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        ("User-Agent", "Phone/1"),
        *(("Contact", contact) for contact in contacts),
    ]
    headers += more or []
    if expires is not None:
        headers.append(("Expires", expires))
    return parse(Request("REGISTER", "sip:example.com", headers).encode())


class Registrar:
    def __init__(self, **limits):
        self.bindings = Bindings(**limits)

    def __call__(self, *contacts, now=0.0, terms=None, **kwargs):
        return self.bindings.process(AOR, register(*contacts, **kwargs), ORIGIN, now, terms)

    def users(self, now=0.0):
        return [each.contact.user for each in self.bindings.lookup(AOR, now)]


@pytest.fixture
def registrar():
    return Registrar()


class TestAdding:
    def test_a_first_binding(self, registrar):
        outcome = registrar('<sip:alice@10.0.0.5:5062;rinstance=ab>;+sip.instance="<urn:uuid:1>"', now=100.0)
        assert (outcome.status, outcome.reason) == (200, "OK")
        assert outcome.contacts == (
            '<sip:alice@10.0.0.5:5062;rinstance=ab>;+sip.instance="<urn:uuid:1>";expires=3600',
        )
        (binding,) = outcome.added
        assert (binding.source, binding.user_agent, binding.expires_at) == (SOURCE, "Phone/1", 3700.0)
        assert (outcome.refreshed, outcome.removed) == ((), ())
        assert registrar.bindings.lookup(AOR, 100.0) == [binding]

    def test_the_contacts_own_expiry_wins_over_the_header(self, registrar):
        outcome = registrar("<sip:a@h>;expires=120", "<sip:b@h>", expires="600")
        assert {each.contact.user: each.expires_at for each in outcome.added} == {"a": 120.0, "b": 600.0}

    def test_no_longer_than_allowed(self, registrar):
        assert registrar("<sip:a@h>;expires=99999999999").added[0].expires_at == 7200.0

    @pytest.mark.parametrize("contact", ["<sip:a@h>;expires=soon", '<sip:a@h>;expires="-1"'])
    def test_an_unreadable_expiry_is_an_hour(self, registrar, contact):
        """§10.3 step 6."""
        assert registrar(contact, expires="60").added[0].expires_at == 3600.0

    def test_a_brief_interval_is_refused(self, registrar):
        outcome = registrar("<sip:a@h>", "<sip:b@h>;expires=59")
        assert (outcome.status, outcome.reason) == (423, "Interval Too Brief")
        assert outcome.headers == (("Min-Expires", "60"),)
        assert registrar.users() == []  # the first contact was not kept either

    def test_a_query_lists_and_changes_nothing(self, registrar):
        registrar("<sip:a@h>", "<sip:b@h>")
        outcome = registrar(cseq=2, now=600.0)
        assert outcome.contacts == ("<sip:a@h>;expires=3000", "<sip:b@h>;expires=3000")
        assert (outcome.added, outcome.refreshed, outcome.removed) == ((), (), ())


class TestRefreshing:
    def test_the_same_contact_by_the_rules_for_uris(self, registrar):
        registrar("<sip:%61lice@HOST.example:5060>")
        outcome = registrar("<sip:alice@host.example:5060;newparam=1>", cseq=2, now=50.0)
        assert len(outcome.contacts) == 1
        assert outcome.refreshed[0].expires_at == 3650.0
        assert (outcome.added, outcome.removed) == ((), ())

    def test_an_old_cseq_of_the_same_call_id_changes_nothing(self, registrar):
        """§10.3 step 7: abort, and nothing else of the request may stay."""
        registrar("<sip:a@h>", cseq=5)
        for cseq in (4, 5):
            outcome = registrar("<sip:new@h>", "<sip:a@h>;expires=0", cseq=cseq)
            assert outcome.status == 500
        assert registrar.users() == ["a"]

    def test_another_call_id_starts_anew(self, registrar):
        registrar("<sip:a@h>", cseq=5)
        assert registrar("<sip:a@h>", cseq=1, call_id="after reboot".replace(" ", "-")).status == 200

    def test_the_same_contact_twice_in_one_request_is_one_binding(self, registrar):
        assert len(registrar("<sip:a@h>", "<sip:a@h>").contacts) == 1


class TestRemoving:
    def test_expires_zero(self, registrar):
        registrar("<sip:a@h>", "<sip:b@h>")
        outcome = registrar("<sip:a@h>;expires=0", cseq=2)
        assert [each.contact.user for each in outcome.removed] == ["a"]
        assert outcome.contacts == ("<sip:b@h>;expires=3600",)

    def test_what_is_not_there_may_be_removed(self, registrar):
        outcome = registrar("<sip:a@h>", expires="0")
        assert (outcome.status, outcome.contacts, outcome.removed) == (200, (), ())

    def test_star_removes_all(self, registrar):
        registrar("<sip:a@h>", "<sip:b@h>")
        outcome = registrar("*", expires="0", cseq=2)
        assert (outcome.status, len(outcome.removed)) == (200, 2)
        assert registrar.bindings.aors() == []

    @pytest.mark.parametrize("expires", [None, "60", "never"])
    def test_star_needs_expires_zero(self, registrar, expires):
        registrar("<sip:a@h>")
        assert registrar("*", expires=expires, cseq=2).status == 400
        assert registrar.users() == ["a"]

    def test_an_old_star_removes_nothing(self, registrar):
        registrar("<sip:a@h>", cseq=5)
        assert registrar("*", expires="0", cseq=5).status == 500
        assert registrar.users() == ["a"]

    def test_an_operator_may(self, registrar):
        (binding,) = registrar("<sip:a@h>").added
        registrar("<sip:b@h>", cseq=2)
        registrar.bindings.drop(binding)
        assert registrar.users() == ["b"]
        registrar.bindings.drop(binding)

    def test_what_a_refresh_takes_the_place_of_is_told(self, registrar):
        (old,) = registrar("<sip:a@h;x=1>").added
        outcome = registrar("<sip:a@h;x=1;y=2>", cseq=2)
        assert (outcome.gone, outcome.removed) == ((old,), ())


class TestTime:
    def test_bindings_run_out(self, registrar):
        registrar("<sip:a@h>;expires=60", "<sip:b@h>;expires=90")
        assert registrar.bindings.next_timeout() == 60.0
        assert [each.contact.user for each in registrar.bindings.expire(60.0)] == ["a"]
        assert registrar.bindings.next_timeout() == 90.0
        assert registrar.users(now=60.0) == ["b"]
        registrar.bindings.expire(90.0)
        assert registrar.bindings.next_timeout() is None

    def test_lookup_knows_without_being_told(self, registrar):
        registrar("<sip:a@h>;expires=60")
        assert registrar.users(now=60.0) == []

    def test_a_refreshed_binding_wakes_once_too_early_and_no_more(self, registrar):
        registrar("<sip:a@h>;expires=60")
        registrar("<sip:a@h>;expires=60", cseq=2, now=30.0)
        assert registrar.bindings.expire(60.0) == []
        assert registrar.bindings.next_timeout() == 90.0


class TestOrder:
    def test_by_preference_then_the_newest(self, registrar):
        registrar("<sip:low@h>;q=0.1", "<sip:old@h>;q=0.5")
        registrar("<sip:new@h>;q=0.5", "<sip:plain@h>", cseq=2, now=10.0)
        assert registrar.users() == ["plain", "new", "old", "low"]

    @pytest.mark.parametrize("q", ['""', "x", "9", "1.0000", "-1", "1e9", "."])
    def test_a_strange_q_is_one(self, registrar, q):
        assert registrar(f"<sip:a@h>;q={q}").added[0].q == 1.0


class TestBounds:
    def test_the_newest_contacts_stay(self, registrar):
        """A phone that comes back from a new port each time pushes its oldest out, not itself."""
        for number in range(12):
            outcome = registrar(f"<sip:a@h:{1000 + number}>", cseq=number + 1, now=float(number))
        assert len(outcome.contacts) == 10
        assert [each.contact.port for each in outcome.removed] == [1001]

    def test_too_many_at_once(self, registrar):
        outcome = registrar(*(f"<sip:a@h:{port}>" for port in range(1000, 1011)))
        assert (outcome.status, registrar.users()) == (403, [])

    def test_a_contact_is_not_a_store(self, registrar):
        assert registrar(f"<sip:{'a' * 2000}@h>").status == 400

    def test_addresses_of_record_are_bounded(self):
        registrar = Registrar(max_aors=1)
        registrar("<sip:a@h>")
        outcome = registrar.bindings.process("sip:bob@x", register("<sip:b@h>"), ORIGIN, 0.0)
        assert outcome.status == 503

    def test_more_than_the_operator_allows_are_refused(self, registrar):
        """max-registrations-per-extension: the phones that are there stay."""
        two = Terms(most=2)
        assert registrar("<sip:a@h>", "<sip:b@h>", terms=two).status == 200
        assert registrar("<sip:c@h>", cseq=2, terms=two).status == 403
        assert sorted(registrar.users()) == ["a", "b"]
        assert registrar("<sip:a@h>", cseq=3, terms=two).status == 200

    def test_a_path_is_not_a_store(self, registrar):
        assert registrar("<sip:a@h>", more=[("Path", f"<sip:{'p' * 2000}@h;lr>")]).status == 400


class TestTerms:
    """FreeSWITCH's sip-force-expires and its kin."""

    def test_forced_whatever_is_asked(self, registrar):
        terms = Terms(forced=90)
        assert registrar("<sip:a@h>;expires=10", terms=terms).contacts == ("<sip:a@h>;expires=90",)
        assert registrar("<sip:a@h>;expires=9000", terms=terms, cseq=2).contacts == ("<sip:a@h>;expires=90",)
        assert registrar("<sip:a@h>;expires=0", terms=terms, cseq=3).contacts == ()

    def test_lengthened_instead_of_refused(self, registrar):
        assert registrar("<sip:a@h>;expires=5", terms=Terms(at_least=120)).contacts == (
            "<sip:a@h>;expires=120",
        )

    def test_spread_so_that_phones_do_not_come_back_together(self, registrar):
        assert registrar("<sip:a@h>;expires=600", terms=Terms(offset=-37)).contacts == (
            "<sip:a@h>;expires=563",
        )

    def test_it_lives_on_for_a_margin_that_the_phone_is_not_told(self, registrar):
        assert registrar("<sip:a@h>;expires=60", terms=Terms(margin=30)).contacts == ("<sip:a@h>;expires=60",)
        assert registrar.users(now=89.0) == ["a"]
        assert registrar.users(now=90.0) == []

    def test_one_phone_at_a_time(self, registrar):
        one = Terms(keep=Keep.ONE)
        registrar("<sip:a@h>", call_id="a", terms=one)
        outcome = registrar("<sip:b@h>", "<sip:c@h>", call_id="b", terms=one)
        assert sorted(registrar.users()) == ["b", "c"]
        assert [each.contact.user for each in outcome.removed] == ["a"]

    def test_one_contact_for_each_call_id(self, registrar):
        terms = Terms(keep=Keep.EACH_CALL_ID)
        registrar("<sip:a@h>", call_id="a", terms=terms)
        registrar("<sip:b@h>", call_id="b", terms=terms)
        registrar("<sip:moved@h>", call_id="a", cseq=2, terms=terms)
        assert sorted(registrar.users()) == ["b", "moved"]


OUTBOUND = [("Supported", "path, outbound")]


def device(contact: str, reg_id: int = 1, name: str = "1") -> str:
    return f'<{contact}>;reg-id={reg_id};+sip.instance="<urn:uuid:{name}>"'


class TestOutbound:
    """RFC 5626 §6: a binding is a flow of a device, whatever its contact says."""

    def test_a_device_that_comes_back_from_elsewhere_takes_its_own_place(self, registrar):
        registrar(device("sip:a@10.0.0.5:1"), more=OUTBOUND)
        outcome = registrar(device("sip:a@10.0.0.5:2"), cseq=1, call_id="b", more=OUTBOUND)
        assert [each.port for each in (b.contact for b in registrar.bindings.lookup(AOR, 0.0))] == [2]
        assert [each.contact.port for each in outcome.refreshed] == [2]
        assert ("Require", "outbound") in outcome.headers

    def test_two_flows_of_one_device_and_two_devices_are_three_bindings(self, registrar):
        registrar(device("sip:a@h:1", 1), more=OUTBOUND)
        registrar(device("sip:a@h:2", 2), cseq=2, more=OUTBOUND)
        registrar(device("sip:a@h:3", 1, "2"), cseq=3, more=OUTBOUND)
        assert len(registrar.bindings.lookup(AOR, 0.0)) == 3

    def test_whoever_does_not_say_outbound_is_not_asked_to_understand_it(self, registrar):
        outcome = registrar(device("sip:a@h:1"))
        assert outcome.headers == ()
        assert outcome.added[0].reg_id == 0

    def test_a_proxy_between_that_knows_nothing_of_flows(self, registrar):
        second_via = [("Via", "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK2"), *OUTBOUND]
        assert registrar(device("sip:a@h:1"), more=second_via).added[0].reg_id == 0
        edge = [*second_via, ("Path", "<sip:edge.example;lr;ob>")]
        assert registrar(device("sip:a@h:1"), cseq=2, more=edge).headers == (
            ("Path", "<sip:edge.example;lr;ob>"),
            ("Require", "outbound"),
        )

    def test_two_contacts_are_no_flow(self, registrar):
        assert registrar(device("sip:a@h"), "<sip:b@h>", more=OUTBOUND).status == 400


class TestPath:
    """RFC 3327: the proxies between us and the phone."""

    def test_it_is_kept_and_told(self, registrar):
        path = [("Path", "<sip:one.example;lr>, <sip:two.example;lr>")]
        outcome = registrar("<sip:a@h>", more=path)
        assert outcome.added[0].path == ("<sip:one.example;lr>", "<sip:two.example;lr>")
        assert outcome.headers == (("Path", "<sip:one.example;lr>"), ("Path", "<sip:two.example;lr>"))

    def test_one_that_is_none_is_refused(self, registrar):
        assert registrar("<sip:a@h>", more=[("Path", "<sip:one")]).status == 400


class TestRestoring:
    def test_what_was_kept_comes_back(self, registrar):
        kept = registrar("<sip:a@h>").added[0]
        other = Registrar()
        other.bindings.restore(kept)
        assert other.users() == ["a"]
        assert other.bindings.next_timeout() == 3600.0

    def test_a_phone_that_was_quicker_wins(self, registrar):
        old = registrar("<sip:a@h>;expires=600").added[0]
        other = Registrar()
        other("<sip:a@h>;expires=900", cseq=7)
        other.bindings.restore(old)
        assert [each.cseq for each in other.bindings.lookup(AOR, 0.0)] == [7]
