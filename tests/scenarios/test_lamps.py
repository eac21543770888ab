"""Busy lamps: what phones are told that watch others (RFC 6665, RFC 4235, RFC 3856), on our own tree."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.sip import CallCancelled, Request
from ringthru.switch.subscriptions import desk

from .answering import joined, leg_of, short_prompts
from .events import Ear
from .home import (
    DEFAULT,
    DIRECTORY,
    INTERNAL_XML,
    PASSWORD,
    VARS,
    Edit,
    Home,
    extension,
    setting,
    variables,
)
from .lamps import DIALOGS, Lamp, lamp
from .phones import hear_each_other
from .waiting import eventually

RINGS, TALKS, OVER = ("recipient", "early"), ("recipient", "confirmed"), ("recipient", "terminated")
CALLING, CALLED_OFF = ("initiator", "confirmed"), ("initiator", "terminated")


def text(element: Any, path: str) -> str:
    """What stands at a path of a dialog-info document."""
    return element.findtext("/".join(DIALOGS + each for each in path.split("/"))) or ""


def attribute(element: Any, path: str, name: str) -> str:
    return element.find("/".join(DIALOGS + each for each in path.split("/"))).get(name, "")


class TestACall:
    async def test_rings_is_answered_and_is_over(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        assert watching.shown == [[]]
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.ring()
        early = await watching.shows(RINGS)
        assert early.get("state") == "full"
        assert early.get("entity") == watching.entity
        assert text(early, "dialog/local/identity") == watching.entity
        assert text(early, "dialog/remote/identity") == f"sip:1002@{home.address}"
        assert attribute(early, "dialog/remote/target", "uri") == f"sip:**1000@{home.address}"
        rung.answer()
        await call.answered()
        await watching.shows(TALKS)
        call.hang_up()
        await watching.shows(OVER)
        versions = [int(each.get("version") or -1) for each in watching.documents]
        assert versions == list(range(len(versions)))  # RFC 4235 §4.1: each is one more
        numbers = [each.cseq.number for each in watching.notifies]
        assert numbers == sorted(set(numbers))
        assert {each.get("Content-Type") for each in watching.notifies} == {"application/dialog-info+xml"}
        assert {each.get("Event") for each in watching.notifies} == {"dialog"}

    async def test_who_calls_is_busy_at_once(self, home: Home) -> None:
        """And never early, which phones would offer to pick up."""
        watching = await lamp(home, "1002")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).ring()
        document = await watching.shows(CALLING)
        assert text(document, "dialog/remote/identity") == f"sip:1000@{home.address}"
        call.hang_up()
        await watching.shows(CALLED_OFF)
        assert ("initiator", "early") not in watching.ever

    async def test_every_phone_of_a_user(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        first, second = await home.registered_phone("1000"), await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        one, other = await first.rung(), await second.rung()
        one.ring()
        other.ring()
        await watching.shows(RINGS, RINGS)
        one.answer()
        await call.answered()
        await eventually(lambda: TALKS in watching.shown[-1] and RINGS not in watching.shown[-1])

    async def test_a_phone_that_does_not_ring_yet_lights_nothing(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        await phone.rung()
        call.hang_up()
        await home.quiet()
        assert watching.shown == [[]]

    async def test_a_call_on_hold_renders_nothing(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.answer()
        await call.answered()
        await home.both_ways()
        await rung.hold()

        def rendering() -> str:
            path = "/".join(DIALOGS + each for each in ("dialog", "local", "target", "param"))
            found = watching.documents[-1].find(path)
            return "" if found is None else found.get("pvalue", "")

        await eventually(lambda: rendering() == "no")
        assert watching.shown[-1] == [TALKS]

    async def test_whom_he_talks_to_after_two_calls_were_joined(self, home: Home, logs: Logs) -> None:
        watching = await lamp(home, "1002")
        for user in ("1002", "1003"):
            await home.lan_phone(user).invite("9196", home.internal, password=PASSWORD).answered()
        document = await watching.shows(CALLING)
        assert text(document, "dialog/remote/identity") == f"sip:9196@{home.address}"
        legs = " ".join(leg_of(home, user).uuid for user in ("1002", "1003"))
        assert (await standard_table(logs).run(home.switch, f"uuid_bridge {legs}")).startswith("+OK")

        def other() -> str:
            return text(watching.documents[-1], "dialog/remote/identity")

        await eventually(lambda: other() == f"sip:1003@{home.address}", "it shows the echo")
        assert watching.shown[-1] == [CALLING]

    async def test_one_that_stands_already(self, home: Home) -> None:
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).answer()
        await call.answered()
        await (await lamp(home, "1000")).shows(TALKS)

    @pytest.mark.parametrize("name", ["door@${domain_name}", "door"])
    async def test_presence_id_says_whose_it_is(self, found: Any, name: str) -> None:
        """A number of the dialplan that answers by itself, shown under a name of its own."""
        door = extension("77", ("answer", ""), ("set", f"presence_id={name}"), ("echo", ""))
        home = await found({DEFAULT: [door]})
        await home.switch.start()
        watching, caller = await lamp(home, "door"), await lamp(home, "1002")
        call = home.lan_phone("1002").invite("77", home.internal, password=PASSWORD)
        await call.answered()
        await watching.shows(TALKS)
        call.hang_up()
        await watching.shows(OVER)
        assert TALKS not in caller.ever
        await caller.shows(CALLED_OFF)


class TestPickingUp:
    async def test_by_the_dialog_that_the_lamp_showed(self, home: Home) -> None:
        """RFC 3891 §3: an INVITE with Replaces takes what rings; its tags as RFC 4235 §4.1.1 names them."""
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.ring()
        dialog = (await watching.shows(RINGS))[0]
        names = (dialog.get("call-id"), dialog.get("local-tag"), dialog.get("remote-tag"))
        replaces = "{};to-tag={};from-tag={};early-only".format(*names)
        mine = watching.phone.invite(
            "**1000", home.internal, password=PASSWORD, headers=(("Replaces", replaces),)
        )
        await mine.answered()
        await call.answered()
        assert isinstance(await rung.over(), CallCancelled)
        await joined(home, "1002")
        await hear_each_other(call, mine)

    async def test_by_the_number_that_the_lamp_showed(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).ring()
        target = attribute(await watching.shows(RINGS), "dialog/remote/target", "uri")
        number = target.removeprefix("sip:").partition("@")[0]
        await watching.phone.invite(number, home.internal, password=PASSWORD).answered()
        await call.answered()

    async def test_what_is_answered_has_no_tags(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).answer()
        await call.answered()
        assert (await watching.shows(TALKS))[0].get("call-id") is None


class TestPlaces:
    @pytest.mark.parametrize("name", ["park+6001", "6001", "park+house"])
    async def test_lit_while_somebody_stands_there(self, home: Home, name: str) -> None:
        short_prompts(home)
        watching = await lamp(home, name)
        call = home.lan_phone("1002").invite("6001", home.internal, password=PASSWORD)
        await call.answered()
        await watching.shows(TALKS)
        call.hang_up()
        await watching.shows(OVER)

    @pytest.mark.parametrize("name", ["conf+3000", "3000"])
    async def test_a_conference(self, home: Home, name: str) -> None:
        watching = await lamp(home, name)
        call = home.lan_phone("1002").invite("3000", home.internal, password=PASSWORD)
        await call.answered()
        await watching.shows(TALKS)
        call.hang_up()
        await watching.shows(OVER)

    async def test_another_place_lights_nothing(self, home: Home) -> None:
        short_prompts(home)
        await home.lan_phone("1002").invite("6001", home.internal, password=PASSWORD).answered()
        await (await lamp(home, "park+6001")).shows(TALKS)
        for name in ("park+6002", "park+cellar", "conf+6001"):
            assert (await lamp(home, name)).shown == [[]]


class TestPresence:
    async def test_who_is_there_and_on_the_phone(self, home: Home) -> None:
        watching = await lamp(home, "1000", "presence")
        assert watching.notes == [("closed", "Unregistered")]
        assert watching.notifies[0].get("Content-Type") == "application/pidf+xml"
        phone = await home.registered_phone("1000")
        await watching.says("open", "Available")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.ring()
        await watching.says("open", "Ring")
        rung.answer()
        await call.answered()
        await watching.says("open", "On The Phone")
        call.hang_up()
        await watching.says("open", "Available")
        await phone.register(home.internal, PASSWORD, expires=0, number=9)
        await watching.says("closed", "Unregistered")


class TestRegistering:
    async def test_tells_nobody_where_the_profile_says_so(self, found: Any) -> None:
        home = await found({INTERNAL_XML: [setting("send-presence-on-register", "false")]})
        await home.switch.start()
        watching = await lamp(home, "1000", "presence")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).ring()
        await watching.says("open", "Ring")  # that is told in any case
        call.hang_up()
        assert ("open", "Available") not in watching.notes[:-1]

    async def test_has_a_phone_told_again_where_the_profile_says_so(self, found: Any) -> None:
        home = await found({INTERNAL_XML: [setting("presence-probe-on-register", "true")]})
        await home.switch.start()
        watching = await lamp(home, "1000")
        await watching.phone.register(home.internal, PASSWORD)
        await eventually(lambda: watching.shown == [[], []])


class TestPrograms:
    async def test_hear_presence_in_whether_or_not_anybody_watches(self, home: Home) -> None:
        ear = Ear(home.switch, "PRESENCE_IN")
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.ring()
        domain = home.switch.calls.directory.default_domain
        assert {each.presence_id for each in home.switch.snapshot().channels} == {
            f"1000@{domain}",
            f"1002@{domain}",
        }
        rung.answer()
        await call.answered()
        call.hang_up()
        await home.quiet()
        told = [
            (each.get("from") or "", each.get("status"), each.get("Answer-State"))
            for each in ear.of("PRESENCE_IN")
        ]
        of_the_called = [each[1:] for each in told if each[0].startswith("1000@")]
        assert list(dict.fromkeys(of_the_called)) == [
            ("Dialing", "ringing"),
            ("Ringing", "ringing"),
            ("Active", "answered"),
            ("Hangup", "answered"),
        ]
        assert not ear.doubled


class TestPrivacy:
    async def test_presence_privacy_names_nobody(self, found: Any) -> None:
        home = await found({VARS: [variables(presence_privacy="true")]})
        await home.switch.start()
        watching = await lamp(home, "1002")
        phone = await home.registered_phone("1000")
        home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        await phone.rung()
        document = await watching.shows(CALLING)
        assert text(document, "dialog/remote/identity") == "sip:anonymous@anonymous.invalid"


class TestWhoMay:
    async def test_a_stranger_is_asked_for_his_password(self, home: Home) -> None:
        watching = Lamp(home, home.lan_phone("mallory"), "1000")
        assert (await watching.subscribe()).status == 407
        assert (await Lamp(home, home.lan_phone("1001"), "1000").subscribe("wrong")).status == 407
        assert watching.notifies == []

    async def test_where_no_password_is_asked_for_a_registration_speaks_and_sees_no_tags(
        self, found: Any
    ) -> None:
        home = await found({INTERNAL_XML: [setting("auth-calls", "false")]})
        await home.switch.start()
        assert (await Lamp(home, home.lan_phone("1001"), "1000").subscribe()).status == 403
        watching = await lamp(home, "1000", phone=await home.registered_phone("1001"))
        phone = await home.registered_phone("1000")
        calling = asyncio.ensure_future(home.switch.originate("user/1000", "&echo"))
        rung = await phone.rung()
        rung.ring()
        assert (await watching.shows(RINGS))[0].get("call-id") is None
        rung.reject(486)
        await calling

    async def test_auth_subscriptions_asks_where_calls_are_free(self, found: Any) -> None:
        more = [setting("auth-calls", "false"), setting("auth-subscriptions", "true")]
        home = await found({INTERNAL_XML: more})
        await home.switch.start()
        assert (await Lamp(home, home.lan_phone("mallory"), "1000").subscribe()).status == 407
        assert (await Lamp(home, home.lan_phone("1001"), "1000").subscribe()).status == 200

    @pytest.mark.parametrize("event", ["dialog", "presence"])
    async def test_only_where_the_profile_manages_presence(self, found: Any, event: str) -> None:
        home = await found({INTERNAL_XML: [setting("manage-presence", "false")]})
        await home.switch.start()
        response = await Lamp(home, home.lan_phone("1001"), "1000", event).subscribe()
        assert (response.status, response.get("Allow-Events")) == (489, "message-summary")

    async def test_no_event_that_is_not_served(self, home: Home) -> None:
        response = await Lamp(home, home.lan_phone("1001"), "1000", "line-seize").subscribe()
        assert response.status == 489
        assert response.get("Allow-Events") == "message-summary, dialog, presence"


class TestHowMany:
    async def test_a_user_has_so_many_and_the_oldest_goes(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(desk, "MOST_OF_A_USER", 3)
        phone = home.lan_phone("1001")
        for name in ("1000", "1002", "1003", "3000", "6001"):
            await lamp(home, name, phone=phone)
        names = [
            each.watched.partition(":")[2].partition("@")[0] for each in home.switch.snapshot().subscriptions
        ]
        assert names == ["1003", "3000", "6001"]

    async def test_a_switch_has_so_many_and_no_more(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(desk, "MOST", 1)
        await lamp(home, "1000")
        response = await Lamp(home, home.lan_phone("1002"), "1000").subscribe()
        assert (response.status, response.get("Retry-After")) == (503, "60")

    async def test_nothing_is_kept_when_nobody_watches(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
        (await phone.rung()).ring()
        await watching.shows(RINGS)
        await watching.subscribe(Expires="0")
        await eventually(lambda: list(home.switch.snapshot().subscriptions) == [])
        presence = home.switch.calls.subscriptions.presence
        assert (presence._watched, presence._legs, presence._place) == ({}, {}, {})


class TestTheList:
    async def test_who_watches_whom(self, home: Home, logs: Logs) -> None:
        watching = await lamp(home, "1000")
        await lamp(home, "park+6001")
        table = standard_table(logs)
        await eventually(lambda: not any(each.waits for each in home.switch.snapshot().subscriptions))
        shown = await table.run(home.switch, "sofia status profile internal sub 1000@")
        (expires,) = re.findall(r"EXPSECS:    \t(\d+)\n", shown)
        assert 590 <= int(expires) <= 600
        rule = "=" * 97
        assert shown.replace(f"\t{expires}\n", "\t600\n") == (
            f"\nSubscriptions:\n{rule}\n"
            f"Call-ID:    \t{watching.call_id}\n"
            f"User:       \t1001@{home.switch.calls.directory.default_domain}\n"
            "Event:      \tdialog\n"
            f"Watches:    \t{watching.entity}\n"
            "Notified:   \t1 times\n"
            "EXPSECS:    \t600\n"
            f"IP:         \t{watching.phone.address.host}\n"
            f"Port:       \t{watching.phone.address.port}\n"
            "Transport:  \tUDP\n\n"
            f"Total items returned: 1\n{rule}\n"
        )
        assert "Total items returned: 2" in await table.run(home.switch, "sofia status profile internal sub")


class TestAFarPhone:
    async def test_behind_a_nat_is_told_our_outside_address_where_it_was_heard(self, home: Home) -> None:
        phone = home.far_phone("1001", shows=home.place.elsewhere)
        watching = Lamp(home, phone, "1000", at=home.reached_at("internal"))
        assert (await watching.subscribe()).status == 200
        await eventually(lambda: watching.notifies)  # its Contact leads nowhere
        assert home.outside_address in (watching.notifies[0].get("Contact") or "")
        assert watching.shown == [[]]


class TestWhatIsAskedFor:
    async def test_a_shared_line_is_another_event(self, home: Home) -> None:
        """``dialog;sla`` wants a line that rings on several phones, and not a lamp."""
        assert (await Lamp(home, home.lan_phone("1001"), "1000", "dialog;sla").subscribe()).status == 489

    async def test_a_phone_that_could_not_read_it(self, home: Home) -> None:
        watching = Lamp(home, home.lan_phone("1001"), "1000", "presence")
        assert (await watching.subscribe(Accept="application/xpidf+xml")).status == 406
        assert (await watching.subscribe(Accept="text/plain, application/pidf+xml")).status == 200

    async def test_an_id_of_the_phones_own_comes_back(self, home: Home) -> None:
        """RFC 6665 §8.2.1."""
        watching = await lamp(home, "1000", "dialog;id=7")
        assert watching.notifies[0].get("Event") == "dialog;id=7"

    @pytest.mark.parametrize(
        ("host", "status"),
        [("other.example", 403), ("nowhere.example", 404), ("pbx.example", 200), ("", 200)],
    )
    async def test_only_what_is_of_ones_own_domain(self, found: Any, host: str, status: int) -> None:
        """By the domain's name, an address of the switch, or one of the presence-hosts."""
        other = '<domain name="other.example"><users><user id="1000"/></users></domain></include>'
        edits: dict[str, Edit | list[Edit]] = {
            INTERNAL_XML: [
                lambda text: text.replace(
                    '"force-register-domain" value="$${domain}"', '"dialplan" value="XML"'
                ),
                setting("presence-hosts", "PBX.example"),
            ],
            DIRECTORY: lambda text: text.replace("</include>", other),
        }
        home = await found(edits)
        await home.switch.start()
        watching = Lamp(home, home.lan_phone("1001"), "1000", host=host)
        assert (await watching.subscribe()).status == status

    async def test_nobody_publishes(self, home: Home) -> None:
        """RFC 3903 §6: the event is known, and the method is not served."""
        phone = home.lan_phone("1001")
        rows = [("Event", "presence"), ("Contact", f"<sip:1001@{phone.shown}>")]
        answer = await phone.ask(Request("PUBLISH", f"sip:1001@{home.address}", rows), home.internal)
        assert answer.status == 405
        assert "PUBLISH" not in (answer.get("Allow") or "PUBLISH")


class TestTime:
    async def test_it_is_bounded(self, home: Home) -> None:
        watching = Lamp(home, home.lan_phone("1001"), "1000")
        response = await watching.subscribe(Expires="5")
        assert (response.status, response.get("Min-Expires")) == (423, "60")
        assert (await watching.subscribe(Expires="7200")).get("Expires") == "600"

    async def test_made_longer_and_ended(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        assert (await watching.subscribe(Expires="300")).status == 200
        await eventually(lambda: len(watching.notifies) == 2)
        assert watching.notifies[-1].get("Subscription-State") == "active;expires=300"
        assert (await watching.subscribe(Expires="0")).status == 200
        await eventually(lambda: len(watching.notifies) == 3)
        assert watching.notifies[-1].get("Subscription-State") == "terminated;reason=timeout"
        assert list(home.switch.snapshot().subscriptions) == []

    async def test_a_phone_that_knows_it_no_more(self, home: Home) -> None:
        watching = Lamp(home, home.lan_phone("1001"), "1000")
        watching.phone.notified[watching.call_id] = 481
        assert (await watching.subscribe()).status == 200
        await eventually(lambda: list(home.switch.snapshot().subscriptions) == [])

    async def test_nobody_takes_over_the_dialog_of_another(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        watching.phone.user = "1002"  # knows all of the dialog, and has another password
        assert (await watching.subscribe(Expires="0")).status == 403
        assert len(list(home.switch.snapshot().subscriptions)) == 1

    async def test_a_dialog_is_about_one_event(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        assert (await watching.subscribe(Event="presence")).status == 403
        assert [each.package for each in home.switch.snapshot().subscriptions] == ["dialog"]

    async def test_what_changes_before_an_answer_is_told_after_it(self, home: Home) -> None:
        """One NOTIFY at a time: a phone that is slow gets the last state, and none that is out of date."""
        watching = await lamp(home, "1000")
        phone = await home.registered_phone("1000")
        watching.phone.notified[watching.call_id] = 0
        for _ in range(3):
            call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
            count = len(phone.calls)
            await eventually(lambda count=count: len(phone.calls) > count)  # type: ignore[misc]
            phone.calls[-1].ring()
            await call.ringing()
            call.hang_up()
            await home.quiet()
        assert watching.shown[1:] == [[RINGS]]
        watching.phone.notified[watching.call_id] = 200  # it is sent again until then (RFC 3261 §17.1.2)
        await watching.shows(OVER)
        assert len(watching.shown) == 3

    async def test_whose_user_is_gone_watches_no_more(self, home: Home) -> None:
        """And nothing of the state stands in the last NOTIFY."""
        watching, other = await lamp(home, "1000"), await lamp(home, "1000", phone=home.lan_phone("1002"))
        file = home.folder / "conf" / DIRECTORY
        file.write_text(file.read_text().replace('<user id="1001">', '<user id="4711">'))
        assert await home.switch.reload() == "Success"
        await eventually(lambda: len(watching.notifies) == 2)
        last = watching.notifies[-1]
        assert (last.get("Subscription-State"), last.body) == ("terminated;reason=rejected", b"")
        assert [each.call_id for each in home.switch.snapshot().subscriptions] == [other.call_id]

    async def test_a_profile_that_starts_anew_tells_them_too(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        assert await home.switch.restart_profile("internal")
        await eventually(lambda: len(watching.notifies) == 2)
        assert (watching.notifies[-1].get("Subscription-State") or "").startswith("terminated")
        assert home.switch.snapshot().subscriptions == ()

    async def test_a_stop_tells_phones_to_come_again(self, home: Home) -> None:
        watching = await lamp(home, "1000")
        await home.switch.stop()
        await eventually(lambda: len(watching.notifies) == 2)
        state = watching.notifies[-1].get("Subscription-State")
        assert state == "terminated;reason=probation;retry-after=10"
