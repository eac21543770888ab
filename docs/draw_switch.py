"""The machines of the switch: a trunk's registration."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from draw_states import OutOfPlace, explore, picture, state_table

from ringthru.net.address import Endpoint
from ringthru.sip import Flow
from ringthru.switch.trunks import trunk as trunk_module
from ringthru.switch.trunks.trunk import (
    Changed,
    Granted,
    Resolve,
    SendRegister,
    Trunk,
    TrunkState,
    TrunkTiming,
)

NOW = 1000.0
FIRST, SECOND = (
    Flow("UDP", Endpoint("10.0.0.1", 5060), Endpoint("192.0.2.1", port)) for port in (5060, 5070)
)
WORDS = {Resolve: "look the registrar up", SendRegister: "send a REGISTER"}


@cache
def trunk_rows() -> list[tuple[str, str, str, str]]:
    def trying(trunk: Trunk) -> Trunk:
        if trunk.state is not TrunkState.TRYING or not trunk.flows:
            raise OutOfPlace
        return trunk

    def ending(trunk: Trunk) -> Trunk:
        if trunk.state not in (TrunkState.TRYING, TrunkState.UNREGISTER) or not trunk.flows:
            raise OutOfPlace
        return trunk

    def looking(trunk: Trunk) -> Trunk:
        if trunk.state is not TrunkState.TRYING or trunk.flows:
            raise OutOfPlace
        return trunk

    def waiting(trunk: Trunk) -> Trunk:
        if trunk.next_timeout() is None:
            raise OutOfPlace
        return trunk

    def run_out(trunk: Trunk) -> None:
        if trunk.registered is None or trunk.state not in trunk_module.FAILING:
            raise OutOfPlace
        trunk.expires_at = NOW  # before the next try
        trunk.handle_timeout(NOW)

    def refused(status: int) -> Callable[[Trunk], object]:
        return lambda trunk: trying(trunk).receive_answer(status, "", NOW)

    inputs: dict[str, Callable[[Any], object]] = {
        "two addresses are found": lambda trunk: looking(trunk).receive_flows((FIRST, SECOND), NOW),
        "no address is found": lambda trunk: looking(trunk).receive_flows((), NOW),
        "200": lambda trunk: ending(trunk).receive_answer(200, "", NOW, granted=Granted(3600, "sip:a@b")),
        "no answer": lambda trunk: ending(trunk).receive_silence(NOW),
        "503": refused(503),
        "403": refused(403),
        "its time has come": lambda trunk: waiting(trunk).handle_timeout(trunk.next_timeout()),
        "the registration runs out": run_out,
        "`register`, or another address of ours": lambda trunk: trunk.register(NOW),
        "`unregister`": lambda trunk: trunk.unregister(NOW),
    }

    def said(trunk: Trunk) -> list[str]:
        orders = [each for each in trunk.orders() if not isinstance(each, Changed)]
        return list(dict.fromkeys(WORDS.get(type(each), "strike out the old contact") for each in orders))

    def detail(trunk: Trunk) -> object:
        return trunk.registered is not None, len(trunk._untried), trunk._again, trunk._stop, bool(trunk.flows)

    start = Trunk(TrunkTiming(), lambda: 0.5)
    start.start(NOW)
    start.orders()
    return explore(start, inputs, lambda trunk: trunk.state.value, said, detail)


def trunk_pauses() -> str:
    return (
        f"Pauses double from `retry-seconds` to {trunk_module.LONGEST_PAUSE:.0f} s; after a refusal they are "
        f"{trunk_module.REFUSED_PAUSE:.0f} s at least. The refresh comes after "
        f"{trunk_module.REFRESH_FROM:.0%} to {trunk_module.REFRESH_TO:.0%} of what was granted."
    )


PARTS: dict[str, Callable[[], str]] = {
    "trunk picture": lambda: picture(trunk_rows(), "TRYING"),
    "trunk states": lambda: state_table(trunk_rows()),
    "trunk pauses": trunk_pauses,
}
