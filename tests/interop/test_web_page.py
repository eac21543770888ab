"""The web page in a real browser: it logs in, sees calls come and go, and lets nothing in from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PUB, PUB_ADDRESS, WAN_ADDRESS

from .browser import Browser
from .household import AT_HOME, Household, Phones, dial
from .switch_process import PASSWORD, Switch
from .wire import SOUND, wire

NEEDS = ("chromium",)
PAGE = "http://127.0.0.1:8022/"
HOSTILE = "<img src=x onerror=document.title='had'>"
NARROW = 360  # pixels: a small telephone
LIVE = "document.querySelector('#live') && !document.querySelector('#live').hidden"


@pytest.fixture(scope="module")
def switch(household: Household, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    made = Switch(household, tmp_path_factory.mktemp("switch"))
    made.start()
    made.wait_until_mapped()
    made.wait_for_words(f"Web page: {PAGE}")
    yield made
    made.stop()
    assert "Traceback" not in made.words(), made.words()


@pytest.fixture
def browser(switch: Switch, tmp_path: Path) -> Iterator[Browser]:
    """In the switch's own namespace, which has no way out; every page it shows is judged at the end."""
    made = Browser(tmp_path / "profile", ["ip", "netns", "exec", switch.laboratory.name(PBX)])
    yield made
    try:
        made.ask("Page.navigate", url="about:blank")
        assert made.complaints == []
        elsewhere = {each for each in made.requests if not each.startswith((PAGE, "about:"))}
        assert elsewhere == set()
    finally:
        made.close()


@pytest.fixture
def page(browser: Browser, switch: Switch) -> Browser:
    """Logged in, and live."""
    browser.open(PAGE)
    password = (switch.directory / "db" / "web_password").read_text().strip()
    browser.evaluate(f"document.querySelector('#password').value = {password!r}")
    browser.click("form button")
    browser.until(LIVE)
    return browser


def test_a_call_is_seen_coming_heard_and_going(page: Browser, phones: Phones) -> None:
    assert "Calls work at home, and come in from the Internet." in page.text("#summary")
    assert WAN_ADDRESS in page.text("#chain")
    phone = phones.registered("1000", AT_HOME, 440)
    page.until("document.querySelector('#phones').innerText.includes('baresip')")
    dial(phone, f"sip:9196@{AT_HOME[2]}:5060")
    page.until("document.querySelector('#calls h3')?.innerText.includes('9196')")
    page.until("document.querySelector('#calls').innerText.includes('MOS 4')")
    assert "hears nothing" not in page.text("#calls")
    page.click("#calls form.deed button")
    page.until("document.querySelector('#said').innerText === 'The call is hung up.'")
    page.until("document.querySelector('#calls').innerText.includes('No call is in progress')")
    page.until("document.querySelector('#recent').innerText.includes('heard both ways')")
    assert "ended by the switch" in page.text("#recent")


def test_what_the_doctor_finds_is_shown(page: Browser) -> None:
    page.until("document.querySelector('#findings').textContent.includes('gw.found')")
    assert "192.168.1.1 answers by" in page.evaluate("document.querySelector('#findings').textContent")


def test_a_name_that_is_markup_is_seen_as_it_is_written(page: Browser, switch: Switch) -> None:
    with wire(switch.laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, 5080)) as line:
        line.display_name = f'"{HOSTILE}" '
        _, tag = line.call("9196", SOUND)
        page.until(f"document.querySelector('#calls').innerText.includes({HOSTILE!r})".replace("\\'", "'"))
        assert page.evaluate("document.querySelectorAll('main img').length") == 0
        assert page.evaluate("document.title") != "had"
        line.request("BYE", "9196", to_tag=tag)
        page.until("document.querySelector('#calls').innerText.includes('No call is in progress')")


def test_what_is_open_stays_open_and_the_password_is_shown_to_who_asks(page: Browser, phones: Phones) -> None:
    page.click("#mappings summary")
    assert PASSWORD not in page.evaluate("document.documentElement.innerHTML")
    page.click("#setup form.deed button")
    page.until(f"document.querySelector('#setup').innerText.includes({PASSWORD!r})")
    before = page.text("#phones")
    phones.registered("1001", AT_HOME, 440)
    page.until(f"document.querySelector('#phones').innerText !== {before!r}")
    assert page.evaluate("document.querySelectorAll('#mappings details[open]').length") == 1
    assert PASSWORD in page.text("#setup")


def test_it_fits_a_telephone_and_needs_no_script(page: Browser) -> None:
    for width in (NARROW, 1280):
        page.screen(width, 800, dark=width == NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.scripts(False)
    page.open(PAGE)
    assert "Calls work at home" in page.text("#summary")
    assert page.evaluate("document.querySelector('#again').offsetHeight") > 0


def test_a_switch_that_stopped_is_not_shown_as_live(page: Browser, switch: Switch) -> None:
    switch.stop()
    page.until("document.querySelector('#live').hidden")
    switch.start()
    page.until("document.querySelector('#password') !== null")  # sessions end with the switch
    page.complaints.clear()  # of connections that nobody took, which a browser tells by itself
