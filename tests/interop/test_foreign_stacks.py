"""sippy and aiosipua from PyPI call us and are called: other readings of RFC 3261, and lost datagrams."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ringthru.lab.namespaces.laboratory import PUB, PUB_ADDRESS, WAN_ADDRESS, Laboratory

from .foreign_phones import ForeignPhone
from .switch_process import Switch, since

STACKS = ("sippy", "aiosipua")
GIVES_UP = {"sippy": "bye", "aiosipua": "cancel"}  # before somebody answers
EXTENSIONS = f"""
    <extension name="nobody answers">
      <condition field="destination_number" expression="^ring$">
        <action application="ring_ready"/>
        <action application="sleep" data="30000"/>
      </condition>
    </extension>
    <extension name="the other stack">
      <condition field="destination_number" expression="^(50\\d\\d)$">
        <action application="set" data="hold_music=silence"/>
        <action application="bridge" data="sofia/external/sip:other@{PUB_ADDRESS}:$1"/>
      </condition>
    </extension>
"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Laboratory() as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"), console=True, extensions=EXTENSIONS)
        switch.start()
        switch.wait_until_mapped()
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


Make = Callable[..., ForeignPhone]


@pytest.fixture(scope="module")
def make(
    switch: Switch, foreign_stacks: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """Starts a phone by the name of its stack."""
    made: list[ForeignPhone] = []

    def make(name: str, **loss: float) -> ForeignPhone:
        phone = ForeignPhone(name, 5082 + 2 * len(made), **loss)  # type: ignore[arg-type]
        made.append(phone)
        directory = tmp_path_factory.mktemp(name)
        phone.start(switch.laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5080), directory)
        return phone

    yield make
    for phone in made:
        phone.stop()


@pytest.fixture(scope="module", params=STACKS)
def phone(request: pytest.FixtureRequest, make: Make) -> ForeignPhone:
    """One of each, for one call after the other."""
    return make(request.param)


def originate(switch: Switch, phone: ForeignPhone, variables: str = "") -> None:
    switch.type_in(f"originate {variables}sofia/external/sip:you@{PUB_ADDRESS}:{phone.port} &echo")


class TestItCalls:
    def test_it_holds_comes_back_and_hangs_up(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        phone.says("call 9196", "connected")
        phone.says("hold")
        said("is on hold")
        phone.says("resume")
        said("is back from hold")
        phone.says("bye")
        said("[NORMAL_CLEARING]")

    def test_we_hang_up(self, switch: Switch, phone: ForeignPhone) -> None:
        phone.says("call 9196", "connected")
        switch.type_in("hupall")
        phone.tells("ended")

    def test_it_gives_up_while_it_rings(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        phone.says("call ring", "ringing")
        phone.says(GIVES_UP[phone.name])
        said("[ORIGINATOR_CANCEL]")

    def test_it_gives_up_at_once(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        phone.says(f"call ring\n{GIVES_UP[phone.name]}")
        said("[ORIGINATOR_CANCEL]")

    def test_nobody_has_that_number(self, switch: Switch, phone: ForeignPhone) -> None:
        phone.says("call 1234567", "failed 404")


class TestItIsCalled:
    def test_it_answers_and_hangs_up(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        originate(switch, phone)
        phone.tells("called")
        phone.says("answer")
        said("+OK")
        phone.says("bye")
        said("[NORMAL_CLEARING]")

    def test_we_hang_up(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        originate(switch, phone)
        phone.tells("called")
        phone.says("answer")
        said("+OK")
        switch.type_in("hupall")
        phone.tells("ended")

    def test_it_is_busy(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        originate(switch, phone)
        phone.tells("called")
        phone.says("busy")
        said("-ERR USER_BUSY")

    def test_we_give_up_while_it_rings(self, switch: Switch, phone: ForeignPhone) -> None:
        said = since(switch)
        originate(switch, phone, "{originate_timeout=1}")
        phone.tells("called")
        said("-ERR NO_ANSWER")
        phone.tells("ended")


@pytest.mark.parametrize(("caller", "called"), [("sippy", "aiosipua"), ("aiosipua", "sippy")])
class TestOneToTheOther:
    def test_a_hold_reaches_the_other_and_a_refused_one_harms_nobody(
        self, switch: Switch, make: Make, caller: str, called: str
    ) -> None:
        one, other, said = make(caller), make(called), since(switch)
        one.says(f"call {other.port}")
        other.tells("called")
        other.says("answer")
        one.tells("connected")
        one.says("hold")
        other.tells("offered")
        said("is on hold")
        other.says("stubborn")
        one.says("resume")
        said("is back from hold")
        one.says("bye")
        said("[NORMAL_CLEARING]")


class TestDatagramsGetLost:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_sippy_calls_holds_and_hangs_up_in_the_end(self, switch: Switch, make: Make, seed: int) -> None:
        """Of what it sends. It repeats its requests, and we our responses until there is an ACK."""
        phone, said = make("sippy", lost=0.3, seed=seed), since(switch)
        phone.says("call 9196", "connected")
        phone.says("hold", "connected")
        phone.says("bye")
        said("[NORMAL_CLEARING]")

    def test_the_100_and_the_first_of_every_other_response_of_sippy_are_lost(
        self, switch: Switch, make: Make
    ) -> None:
        phone, said = make("sippy"), since(switch)
        phone.says("deaf 1")
        originate(switch, phone)
        phone.tells("called")
        phone.says("answer")
        said("+OK")
        switch.type_in("hupall")
        phone.tells("ended")

    @pytest.mark.parametrize("seed", [1, 2])
    def test_aiosipua_hears_what_we_repeat(self, switch: Switch, make: Make, seed: int) -> None:
        phone, said = make("aiosipua", lost=0.3, seed=seed), since(switch)
        originate(switch, phone)
        phone.tells("called")
        phone.says("answer")
        said("+OK")
        switch.type_in("hupall")
        phone.tells("ended")


def test_an_offer_that_we_refuse_leaves_the_call_as_it_was(switch: Switch, make: Make) -> None:
    """RFC 3261 §14.1: a re-INVITE that fails changes nothing."""
    phone, said = make("sippy"), since(switch)
    phone.says("call 9196", "connected")
    phone.says("strange", "failed 488")
    phone.says("bye")
    said("[NORMAL_CLEARING]")
