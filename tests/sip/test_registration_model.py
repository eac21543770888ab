"""The bindings against a model that fits on a page: any REGISTERs in any order, and time between them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringthru.net.address import Endpoint
from ringthru.sip import Bindings, Flow, Origin, Terms
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse

AOR = "alice@example.com"
ORIGIN = Origin(Flow("UDP", Endpoint("127.0.0.1", 5060), Endpoint("127.0.0.2", 5060)))
MOST = 3
TERMS = Terms(shortest=60, default=600, longest=1200)

contacts = st.integers(0, 4).map(lambda n: f"sip:phone{n}@host")
expiries = st.sampled_from([None, 0, 30, 60, 600, 5000])
call_ids = st.sampled_from(["one", "two"])


class Registrations(RuleBasedStateMachine):
    """``known`` is the model: contact → (runs out at, Call-ID, CSeq, when it was written)."""

    def __init__(self) -> None:
        super().__init__()
        self.bindings = Bindings(max_contacts=MOST)
        self.known: dict[str, tuple[float, str, int, int]] = {}
        self.now = 0.0
        self.steps = 0

    def living(self) -> dict[str, tuple[float, str, int, int]]:
        return {uri: row for uri, row in self.known.items() if row[0] > self.now}

    @rule(wanted=st.dictionaries(contacts, expiries, max_size=MOST), call_id=call_ids, cseq=st.integers(1, 6))
    def register(self, wanted: dict[str, int | None], call_id: str, cseq: int) -> None:
        before = self.living()
        after = dict(before)
        expected = 200
        for uri, seconds in wanted.items():
            granted = 600 if seconds is None else min(seconds, 1200)
            if 0 < granted < 60:
                expected = 423
                break
            if uri in before and before[uri][1] == call_id and before[uri][2] >= cseq:
                expected = 500
                break
            after.pop(uri, None)
            if granted:
                self.steps += 1
                after[uri] = (self.now + granted, call_id, cseq, self.steps)
        outcome = self.bindings.process(AOR, request(wanted, call_id, cseq), ORIGIN, self.now, TERMS)
        assert outcome.status == expected
        if expected == 200:
            newest = sorted(after.items(), key=lambda pair: pair[1][3])[-MOST:]
            self.known = dict(newest)
            changed = {str(each.contact) for each in (*outcome.added, *outcome.refreshed)}
            assert changed == {uri for uri in self.known if self.known[uri] != before.get(uri)}
            assert {str(each.contact) for each in outcome.removed} == set(before) - set(self.known)

    @rule(call_id=call_ids, cseq=st.integers(1, 6))
    def remove_all(self, call_id: str, cseq: int) -> None:
        before = self.living()
        late = any(row[1] == call_id and row[2] >= cseq for row in before.values())
        outcome = self.bindings.process(AOR, request({"*": 0}, call_id, cseq), ORIGIN, self.now, TERMS)
        assert outcome.status == (500 if late else 200)
        if not late:
            self.known = {}

    @rule(seconds=st.integers(1, 700))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.bindings.next_timeout() is not None)
    @rule()
    def sleep_until_something_runs_out(self) -> None:
        self.now = max(self.now, self.bindings.next_timeout() or 0.0)
        gone = {str(each.contact) for each in self.bindings.expire(self.now)}
        assert gone == {uri for uri, row in self.known.items() if row[0] <= self.now}
        self.known = self.living()

    @invariant()
    def what_is_found_is_what_is_known(self) -> None:
        found = {
            str(b.contact): (b.expires_at, b.call_id, b.cseq) for b in self.bindings.lookup(AOR, self.now)
        }
        assert found == {uri: row[:3] for uri, row in self.living().items()}

    @invariant()
    def nobody_oversleeps(self) -> None:
        soonest = min((row[0] for row in self.living().values()), default=None)
        if soonest is not None:
            assert self.bindings.next_timeout() <= soonest


def request(wanted: dict[str, int | None], call_id: str, cseq: int) -> Request:
    headers = [
        ("Via", "SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1"),
        ("From", f"<sip:{AOR}>;tag=1"),
        ("To", f"<sip:{AOR}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
    ]
    if "*" in wanted:
        headers += [("Contact", "*"), ("Expires", "0")]
    else:
        headers += [
            ("Contact", f"<{uri}>" if seconds is None else f"<{uri}>;expires={seconds}")
            for uri, seconds in wanted.items()
        ]
    return parse(Request("REGISTER", "sip:example.com", headers).encode())


Registrations.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestRegistrations = Registrations.TestCase
