"""Digest: the vectors of RFC 2617 §3.5 and RFC 7616 §3.9, and what a server must not accept."""

import hashlib

import pytest

from ringthru.net.values import replace
from ringthru.sip.errors import LocalError
from ringthru.sip.registrar.authority import Authority, Verdict
from ringthru.sip.wire.digest import authorize, ha1, strongest_of_each
from ringthru.sip.wire.headers import Challenge, Credentials

REALM = "ringthru.test"
PASSWORDS = {"alice": "wonderland", "zoë": "pässword"}


def secret_of(user: str, realm: str, algorithm: str) -> str | None:
    return ha1(user, realm, PASSWORDS[user], algorithm) if user in PASSWORDS else None


def strongest(values) -> Challenge | None:
    """Of challenges that are all for one realm."""
    return next(iter(strongest_of_each(values)), None)


class TestVectors:
    def test_rfc_2617_section_3_5(self):
        challenge = Challenge(
            "testrealm@host.com",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            "MD5",
            ("auth", "auth-int"),
            "5ccc069c403ebaf9f0171e9517f40e41",
        )
        value = authorize(
            challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", cnonce="0a4f113b", nc=1
        )
        credentials = Credentials.parse(value)
        assert credentials.response == "6629fae49393a05397450978507c4ef1"
        assert (credentials.nonce_count, credentials.qop) == ("00000001", "auth")
        assert credentials.opaque == challenge.opaque

    @pytest.mark.parametrize(
        ("algorithm", "response"),
        [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ],
    )
    def test_rfc_7616_section_3_9_1(self, algorithm, response):
        challenge = Challenge(
            "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", algorithm, ("auth",)
        )
        value = authorize(
            challenge,
            "Mufasa",
            "Circle of Life",
            "GET",
            "/dir/index.html",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        assert Credentials.parse(value).response == response

    def test_rfc_2069_without_qop(self):
        """RFC 2069 §2.4, with the response its errata give."""
        challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
        value = authorize(challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", cnonce="unused")
        credentials = Credentials.parse(value)
        assert credentials.response == "1949323746fe6a43ef61f9606e7febea"
        assert (credentials.qop, credentials.nonce_count, credentials.cnonce) == (None, None, None)


class TestClient:
    def test_the_strongest_that_is_understood(self):
        values = [
            'Digest realm="r", nonce="1", algorithm=MD5',
            'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"',
            'Digest realm="r", nonce="3", algorithm=SHA-1024, qop="auth"',
            "Basic abc=",
            "noise",
        ]
        assert strongest(values).nonce == "2"
        assert strongest(values[2:]) is None

    def test_by_strength_whatever_the_order(self):
        """RFC 7616 §3.7, RFC 8760 §2.4."""
        names = ["SHA-512-256", "SHA-256", "MD5"]
        for start in range(3):
            values = [f'Digest realm="r", nonce="{each}", algorithm={each}' for each in names[start:]]
            assert strongest(values).nonce == strongest(reversed(values)).nonce == names[start]

    @pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "sha-256", "SHA-256-sess", "SHA-512-256"])
    @pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int",), ("auth-int", "auth")])
    def test_the_formula_of_the_rfc(self, algorithm, qop):
        """RFC 7616 §3.4.1–3.4.3, written out."""
        name = algorithm.lower().removesuffix("-sess").replace("sha-512-256", "sha512_256").replace("-", "")

        def h(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        value = authorize(
            Challenge("r", "n", algorithm, qop), "u", "p", "INVITE", "sip:x", b"body", cnonce="c"
        )
        found = Credentials.parse(value)
        a1 = h("u:r:p")
        if algorithm.lower().endswith("-sess"):
            a1 = h(f"{a1}:n:c")
        a2 = "INVITE:sip:x" + (":" + h("body") if found.qop == "auth-int" else "")
        middle = f"n:00000001:c:{found.qop}" if found.qop else "n"
        assert found.response == h(f"{a1}:{middle}:{h(a2)}")
        assert found.qop == (("auth" if "auth" in qop else "auth-int") if qop else None)

    def test_what_is_not_understood_is_not_answered(self):
        with pytest.raises(LocalError):
            authorize(Challenge("r", "n", "FOO"), "a", "b", "INVITE", "sip:x", cnonce="c")


def login(authority, now, *, user="alice", password="wonderland", nc=1, value=None, **changes):
    value = value or authority.challenge(REALM, now)
    answered = authorize(
        Challenge.parse(value), user, password, "REGISTER", "sip:ringthru.test", cnonce="c", nc=nc
    )
    return replace(Credentials.parse(answered), **changes)


class TestServer:
    def setup_method(self):
        self.authority = Authority(b"sixteen octets..", lifetime=60.0, max_nonces=3)

    def verdict(self, credentials, now=1000.0, method="REGISTER"):
        return self.authority.verify(credentials, method, secret_of, b"", now)

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    @pytest.mark.parametrize("user", PASSWORDS)
    def test_the_right_password(self, algorithm, user):
        value = self.authority.challenge(REALM, 1000.0, algorithm=algorithm)
        credentials = login(self.authority, 1000.0, user=user, password=PASSWORDS[user], value=value)
        assert self.verdict(credentials) is Verdict.ACCEPTED

    def test_both_algorithms_are_offered_the_stronger_first(self):
        values = self.authority.challenges(REALM, 0.0, stale=True)
        offered = [Challenge.parse(value) for value in values]
        assert [each.algorithm for each in offered] == ["SHA-256", "MD5"]
        assert all(each.stale and each.qop == ("auth",) for each in offered)

    def test_an_old_phone_without_qop(self):
        challenge = Challenge.parse(self.authority.challenge(REALM, 1000.0))
        old = str(replace(challenge, qop=()))
        assert self.verdict(login(self.authority, 1000.0, value=old)) is Verdict.ACCEPTED

    def test_wrong_password_and_unknown_user(self):
        assert self.verdict(login(self.authority, 1000.0, password="x")) is Verdict.WRONG_PASSWORD
        assert self.verdict(login(self.authority, 1000.0, user="eve")) is Verdict.UNKNOWN_USER

    def test_another_method_needs_another_answer(self):
        assert self.verdict(login(self.authority, 1000.0), method="INVITE") is Verdict.WRONG_PASSWORD

    def test_a_nonce_ages(self):
        credentials = login(self.authority, 1000.0)
        assert self.verdict(credentials, now=1060.001) is Verdict.STALE
        assert self.verdict(credentials, now=1060.0) is Verdict.ACCEPTED

    def test_a_wrong_password_is_not_told_that_the_nonce_is_stale(self):
        credentials = login(self.authority, 1000.0, password="x")
        assert self.verdict(credentials, now=2000.0) is Verdict.WRONG_PASSWORD

    @pytest.mark.parametrize(
        "changes",
        [
            {"algorithm": "SHA-512-256"},
            {"qop": "auth-int"},
            {"qop": None},
            {"nonce_count": "1"},
            {"nonce_count": "0000000g"},
            {"nonce_count": None},
            {"cnonce": None},
        ],
    )
    def test_what_we_never_offered(self, changes):
        assert self.verdict(login(self.authority, 1000.0, **changes)) is Verdict.MALFORMED

    @pytest.mark.parametrize(
        "changes",
        [
            {"nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"},
            {"nonce": ""},
            {"nonce": "x" * 10_000},
            {"nonce": "é.1.2"},
            {"nonce": "1.1.1.1"},
            {"realm": "another"},  # the nonce is stamped for its realm
        ],
    )
    def test_a_nonce_that_was_never_ours(self, changes):
        assert self.verdict(login(self.authority, 1000.0, **changes)) is Verdict.UNKNOWN_NONCE

    def test_a_nonce_of_another_server_or_an_earlier_run_says_nothing_of_the_password(self):
        other = Authority(b"another secret..")
        assert self.verdict(login(other, 1000.0, password="x")) is Verdict.UNKNOWN_NONCE

    def test_only_the_address_that_was_challenged_knows_the_nonce(self):
        value = self.authority.challenge(REALM, 1000.0, source="192.0.2.7")
        nonce = Challenge.parse(value).nonce
        assert self.authority.was_issued_to(nonce, "192.0.2.7")
        assert not self.authority.was_issued_to(nonce, "192.0.2.8")
        assert not self.authority.was_issued_to("1.2.3.4", "192.0.2.7")
        assert not self.authority.was_issued_to("é", "192.0.2.7")

    def test_an_algorithm_that_is_switched_off(self):
        old = Authority(b"sixteen octets..", algorithms=("MD5",))
        (value,) = old.challenges(REALM, 0.0)
        assert Challenge.parse(value).algorithm == "MD5"
        credentials = login(old, 0.0, value=value, algorithm="SHA-256")
        assert old.verify(credentials, "REGISTER", secret_of, b"", 0.0) is Verdict.MALFORMED

    def test_a_replayed_answer_is_stale(self):
        """RFC 7616 §5.12: the count must grow."""
        value = self.authority.challenge(REALM, 1000.0)
        first, second = (login(self.authority, 1000.0, value=value, nc=count) for count in (1, 2))
        assert self.verdict(second) is Verdict.ACCEPTED
        assert self.verdict(second) is Verdict.STALE
        assert self.verdict(first) is Verdict.STALE

    def test_without_qop_a_nonce_serves_once(self):
        """RFC 2069's way has no count, and its answer may be sent again with another Request-URI."""
        old = str(replace(Challenge.parse(self.authority.challenge(REALM, 1000.0)), qop=()))
        credentials = login(self.authority, 1000.0, value=old)
        assert self.verdict(credentials) is Verdict.ACCEPTED
        assert self.verdict(credentials) is Verdict.STALE

    def test_a_count_of_zero_is_none(self):
        assert self.verdict(login(self.authority, 1000.0, nc=0)) is Verdict.STALE

    def test_the_memory_is_bounded_and_what_it_forgets_is_stale(self):
        used = [login(self.authority, 1000.0) for _ in range(5)]
        assert [self.verdict(each) for each in used] == [Verdict.ACCEPTED] * 5
        assert [self.verdict(each) for each in used] == [Verdict.STALE] * 5
        assert len(self.authority._counts) == 3

    def test_two_challenges_never_share_a_nonce(self):
        nonces = {Challenge.parse(self.authority.challenge(REALM, 1000.0)).nonce for _ in range(100)}
        assert len(nonces) == 100
