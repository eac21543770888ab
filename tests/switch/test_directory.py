"""Domains, users, groups, and the secrets a stranger would guess."""

from __future__ import annotations

from hashlib import md5, sha256
from pathlib import Path

import pytest

from ringthru.switch.configuration import ConfigurationError, Directory, load_tree, weak_secrets

OFFICE = """
<domain name="Office.example">
  <params><param name="dial-string" value="domain's"/></params>
  <variables><variable name="user_context" value="default"/><variable name="language" value="de"/></variables>
  <groups>
    <group name="default">
      <users>
        <user id="1000" cidr="192.0.2.1/32">
          <params><param name="Password" value="Xk93fjw0"/></params>
        </user>
        <user id="alice" number-alias="1001">
          <params>
            <param name="dial-string" value="her own"/><param name="password" value="Xk93fjw0"/>
          </params>
          <variables><variable name="language" value="en"/></variables>
        </user>
      </users>
    </group>
    <group name="sales">
      <params><param name="dial-string" value="sales'"/></params>
      <users>
        <user id="1000" type="pointer"/>
        <user id="nobody" type="pointer"/>
        <user id="1002"/>
      </users>
    </group>
  </groups>
  <user id="loose"/>
</domain>
<domain name="second"><users><user id="1000"/></users></domain>
"""


@pytest.fixture
def read(tmp_path: Path):
    def run(text: str) -> Directory:
        (tmp_path / "freeswitch.xml").write_text(
            f'<document><section name="directory">\n{text}\n</section></document>'
        )
        return Directory.read(load_tree(tmp_path, {}, {}).tree)

    return run


@pytest.fixture
def office(read) -> Directory:
    return read(OFFICE)


class TestFinding:
    def test_by_domain_and_id(self, office):
        assert str(office.find_user("second", "1000")) == "1000@second"

    @pytest.mark.parametrize("domain", [None, ""])
    def test_without_a_domain_the_first_one_is_meant(self, office, domain):
        assert office.default_domain == "Office.example"
        assert str(office.find_user(domain, "1000")) == "1000@Office.example"

    def test_domains_compare_without_case(self, office):
        assert office.find_user("OFFICE.EXAMPLE", "1000")

    def test_users_too_but_the_exact_spelling_first(self, read):
        directory = read('<domain name="d"><user id="Bob"/><user id="bob"/></domain>')
        assert directory.find_user("d", "bob").id == "bob"
        assert directory.find_user("d", "BOB").id == "Bob"

    def test_by_number_alias(self, office):
        assert office.find_user(None, "1001").id == "alice"

    def test_nobody(self, office):
        assert office.find_user(None, "9999") is None
        assert office.find_user("elsewhere", "1000") is None

    def test_an_empty_directory(self, read):
        directory = read("")
        assert directory.default_domain is None
        assert directory.find_user(None, "1000") is None
        assert directory.users() == []


class TestInheritance:
    def test_the_nearest_dial_string_holds(self, office):
        found = {
            user: office.find_user(None, user).dial_string for user in ("alice", "1002", "1000", "loose")
        }
        assert found == {"alice": "her own", "1002": "sales'", "1000": "domain's", "loose": "domain's"}

    def test_variables_come_down_from_the_domain(self, office):
        assert office.find_user(None, "alice").variables == {"user_context": "default", "language": "en"}

    def test_networks_of_a_user(self, office):
        assert office.find_user(None, "1000").cidr == ("192.0.2.1/32",)


class TestGroups:
    def test_pointers_lead_to_the_user(self, office, caplog):
        assert [user.id for user in office.domain(None).groups["sales"]] == ["1000", "1002"]

    def test_their_names_compare_without_case(self, office):
        domain = office.domain("office.example")
        assert domain.group("Sales") == domain.group("sales") != ()
        assert domain.group("nobody") == ()

    def test_a_pointer_to_nobody_is_pointed_out(self, read, caplog):
        read(OFFICE)
        assert "group sales points to user nobody" in caplog.text

    def test_a_second_definition_is_ignored_with_a_word(self, read, caplog):
        directory = read('<domain name="d"><user id="1" cidr="a"/>\n<user id="1" cidr="b"/></domain>')
        assert directory.find_user("d", "1").cidr == ("a",)
        assert "ignored" in caplog.text


class TestErrors:
    @pytest.mark.parametrize("text", ["<domain/>", '<domain name="d"><user/></domain>'])
    def test_names_are_needed(self, read, text):
        with pytest.raises(ConfigurationError, match=r"freeswitch.xml:2: "):
            read(text)


class TestDigestSecrets:
    """RFC 7616 §3.4.2: A1 is user:realm:password."""

    def test_both_algorithms(self, office):
        user, a1 = office.find_user(None, "1000"), b"1000:realm:Xk93fjw0"
        assert user.ha1("realm", "MD5") == md5(a1).hexdigest()
        assert user.ha1("realm", "sha-256") == sha256(a1).hexdigest()
        assert user.ha1("realm", "whirlpool") is None

    def test_a_ready_made_hash_serves_md5_alone(self, read):
        params = '<params><param name="a1-hash" value="ABCDEF"/></params>'
        user = read(f'<domain name="d"><user id="1">{params}</user></domain>').find_user("d", "1")
        assert user.ha1("d", "MD5") == "abcdef"
        assert user.ha1("d", "SHA-256") is None

    def test_without_a_secret_nobody_logs_in(self, office):
        assert office.find_user(None, "loose").ha1("realm") is None


def judged(read, user: str, params: str) -> list[tuple[str, str]]:
    return weak_secrets(read(f'<domain name="d"><user id="{user}"><params>{params}</params></user></domain>'))


class TestWeakSecrets:
    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("", "is empty"),
            ("1000", "is the user's own name"),
            ("0001", "is the user's own name"),
            ("10001000", "is the user's own name"),
            ("1234", "is on every list of common passwords"),
            ("aB3.x", "has fewer than 6 characters"),
            ("password", "is on every list of common passwords"),
            ("Password1!", "is on every list of common passwords"),
            ("freeswitch2024", "is on every list of common passwords"),
            ("ClueCon", "is on every list of common passwords"),
            ("831947", "is only 6 digits"),
            ("83194702", "is only 8 digits"),
            ("aaaaaaaa", "repeats one or two characters"),
        ],
    )
    def test_the_reason_follows_the_words_the_password(self, read, password, reason):
        assert judged(read, "1000", f'<param name="password" value="{password}"/>') == [("1000@d", reason)]

    @pytest.mark.parametrize("password", ["Xk93fjw0", "correct horse", "tz7!bq", "8319470261", "1000-Garten"])
    def test_these_are_let_pass(self, read, password):
        assert judged(read, "1000", f'<param name="password" value="{password}"/>') == []

    @pytest.mark.parametrize(
        ("password", "reason"), [("1234", "is '1234'"), ("1000", "is '1000'"), ("", "is empty")]
    )
    def test_the_hash_of_an_obvious_one_is_recognised(self, read, password, reason):
        hashed = md5(f"1000:d:{password}".encode()).hexdigest()
        assert judged(read, "1000", f'<param name="a1-hash" value="{hashed}"/>') == [("1000@d", reason)]

    def test_another_hash_is_let_pass(self, read):
        hashed = md5(b"1000:d:Xk93fjw0").hexdigest()
        assert judged(read, "1000", f'<param name="a1-hash" value="{hashed}"/>') == []

    def test_who_has_no_secret_cannot_log_in_and_is_no_danger(self, read):
        assert judged(read, "1000", "") == []
