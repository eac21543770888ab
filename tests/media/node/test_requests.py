"""What controllers write, read without trust."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.ng.messages import Message
from ringthru.media.node.requests import LONGEST_NAME, Wishes, name, number


def wishes(**body):
    return Wishes.read(Message("c", {key.replace("_", "-"): value for key, value in body.items()}))


class TestWishes:
    @pytest.mark.parametrize("body", [{"replace": [b"origin"]}, {"flags": [b"replace-origin"]}])
    def test_one_wish_in_each_of_its_spellings(self, body):
        assert wishes(**body).replace == {"origin"}

    def test_blanks_inside_a_word_are_hyphens(self):
        assert wishes(replace=[b"session connection"]).replace == {"session-connection"}
        assert wishes(flags=[b"SIP source address"]).flags == {"sip-source-address"}

    def test_rtcp_mux_as_a_list_and_as_flags(self):
        assert wishes(rtcp_mux=[b"offer", b"accept"]).rtcp_mux == {"offer", "accept"}
        assert wishes(flags=[b"rtcp-mux-demux"]).rtcp_mux == {"demux"}

    def test_names_of_interfaces_keep_their_letters(self):
        assert wishes(direction=[b"Inside", b"outside"]).direction == ("Inside", "outside")
        assert wishes(direction=[b"one"]).direction == ("", "")

    def test_where_the_sip_message_came_from(self):
        assert wishes(received_from=[b"IP4", b"192.0.2.1"]).received_from == "192.0.2.1"

    values = st.recursive(
        st.integers() | st.binary(max_size=20), lambda inner: st.lists(inner, max_size=4), max_leaves=8
    )

    @given(
        st.dictionaries(
            st.sampled_from(["flags", "replace", "rtcp-mux", "direction", "received-from", "ICE"]), values
        )
    )
    def test_whatever_is_there_is_some_wish(self, body):
        assert isinstance(Wishes.read(Message("c", body)), Wishes)


class TestValues:
    def test_a_number_is_one_in_either_form(self):
        body = Message("c", {"limit": b"7", "wrong": b"x", "list": []})
        assert [number(body, key, 3) for key in ("limit", "wrong", "list", "none")] == [7, 3, 3, 3]

    def test_a_name_that_is_too_long_is_none(self):
        assert name(Message("c", {"call-id": b"x" * (LONGEST_NAME + 1)}), "call-id") == ""
