"""Tests against real programs: marked ``real``, skipped aloud where they cannot run, never in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PUB, PUB_ADDRESS, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import obstacles

from .capture import Capture
from .household import Household, Phones
from .phones import Baresip, Sipp
from .switch_process import Switch

HERE = Path(__file__).parent
PROGRAMS = (
    "sipp",
    "baresip",
    "linphonec",
    "upnpc",
    "natpmpc",
    "tcpdump",
    "kamailio",
    "fail2ban-server",
    "sngrep",
    "rtpengine",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real)


def _needed(item: pytest.Item) -> tuple[str, ...]:
    """What all need, and what the file of this test names beside it (``NEEDS``)."""
    more: tuple[str, ...] = getattr(getattr(item, "module", None), "NEEDS", ())
    return (*PROGRAMS, *more)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here; where CI runs, a missing program is a failure."""
    if HERE not in item.path.parents or not (reasons := obstacles(_needed(item))):
        return
    text = "; ".join(reasons)
    if os.environ.get("CI"):
        pytest.fail(f"real programs are required here: {text}", pytrace=False)
    pytest.skip(text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "real" in report.keywords]
    if skipped:
        reasons = "; ".join({str(report.longrepr[2]): None for report in skipped})
        terminalreporter.write_line(
            f"!!! {len(skipped)} TESTS AGAINST REAL PROGRAMS WERE SKIPPED: {reasons} !!!", red=True, bold=True
        )


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """A gateway that speaks everything, and nothing behind it yet."""
    with Laboratory() as laboratory:
        yield laboratory


@pytest.fixture(
    scope="module", params=[Serves.NATPMP, Serves.UPNP], ids=lambda serves: f"{serves.value}-only"
)
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """The switch, running and mapped, behind a gateway that speaks one of the two protocols."""
    with Laboratory(serves=request.param) as laboratory:
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"))
        switch.start()
        switch.wait_until_mapped()
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


@pytest.fixture
def outside(switch: Switch, tmp_path: Path) -> Iterator[Capture]:
    """All datagrams that the public host sends and gets during one test."""
    capture = Capture(switch.laboratory, PUB, tmp_path)
    yield capture
    capture.stop()


@pytest.fixture
def sipp(switch: Switch, tmp_path: Path) -> Sipp:
    directory = tmp_path / "sipp"
    directory.mkdir()
    return Sipp(switch.laboratory, PUB, PUB_ADDRESS, directory)


@pytest.fixture
def baresip(switch: Switch, tmp_path: Path) -> Iterator[Baresip]:
    """A baresip on the public host."""
    directory = tmp_path / "baresip"
    directory.mkdir()
    phone = Baresip(switch.laboratory, PUB, PUB_ADDRESS, directory)
    yield phone
    phone.stop()


@pytest.fixture(scope="module")
def household() -> Iterator[Household]:
    with Household() as made:
        yield made


@pytest.fixture
def phones(household: Household, tmp_path: Path) -> Iterator[Phones]:
    """In that household; they hang up and go when the test is over."""
    made = Phones(household, tmp_path / "phones")
    yield made
    made.stop()
