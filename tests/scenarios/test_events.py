"""What happens in a switch, as those hear it who listen: calls, phones, providers, the gateway."""

from __future__ import annotations

from .events import Ear
from .home import DEFAULT, PASSWORD, extension

CALL = (
    *("CHANNEL_CREATE", "CHANNEL_OUTGOING", "CHANNEL_ORIGINATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER"),
    *("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HOLD"),
    *("CHANNEL_UNHOLD", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY", "CHANNEL_PARK"),
    "DTMF",
)


async def test_a_call_to_the_echo_in_the_order_of_its_life(home):
    ear = Ear(home.switch, *CALL, "CHANNEL_CALLSTATE", "CHANNEL_STATE")
    phone = home.far_phone()
    call = phone.invite("9196", home.reached_at("external"))
    await call.answered()
    call.hang_up()
    await ear.until("CHANNEL_DESTROY")
    life = [each for each in ear.names if each not in ("CHANNEL_STATE", "CHANNEL_EXECUTE_COMPLETE")]
    assert life == [
        *("CHANNEL_CREATE", "CHANNEL_CALLSTATE", "CHANNEL_EXECUTE", "CHANNEL_CALLSTATE", "CHANNEL_ANSWER"),
        *("CHANNEL_EXECUTE", "CHANNEL_CALLSTATE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"),
        "CHANNEL_DESTROY",
    ]
    states = [each.get("Channel-State") for each in ear.of("CHANNEL_STATE")]
    assert states == ["CS_INIT", "CS_ROUTING", "CS_EXECUTE", "CS_HANGUP", "CS_REPORTING", "CS_DESTROY"]
    phases = [
        (each.get("Original-Channel-Call-State"), each.get("Channel-Call-State"))
        for each in ear.of("CHANNEL_CALLSTATE")
    ]
    assert phases == [("DOWN", "RINGING"), ("RINGING", "ACTIVE"), ("ACTIVE", "HANGUP")]


async def test_what_the_events_of_a_call_say_of_it(home):
    ear = Ear(home.switch, *CALL)
    phone = home.far_phone("anna")
    call = phone.invite("9196", home.reached_at("external"))
    await call.answered()
    answer = await ear.until("CHANNEL_ANSWER")
    expected = {
        "Channel-State": "CS_EXECUTE",
        "Channel-State-Number": "4",
        "Channel-Call-State": "ACTIVE",
        "Answer-State": "answered",
        "Call-Direction": "inbound",
        "Caller-Caller-ID-Number": "anna",
        "Caller-Destination-Number": "9196",
        "Caller-Context": "public",
        "Caller-Network-Addr": phone.address.host,
        "Channel-Read-Codec-Name": "PCMU",
        "variable_current_application": "answer",
        "variable_sip_call_id": call.call.call_id,
        "variable_sip_from_user": "anna",
    }
    assert {name: answer.get(name) for name in expected} == expected
    channel = next(iter(home.switch.calls.channels.values()))
    assert answer.get("Unique-ID") == answer.get("variable_uuid") == channel.uuid
    assert answer.get("Channel-Name") == channel.name
    call.hang_up()
    end = await ear.until("CHANNEL_HANGUP_COMPLETE")
    assert end.get("Hangup-Cause") == end.get("variable_hangup_cause") == "NORMAL_CLEARING"
    assert end.get("Answer-State") == "hangup"
    assert end.get("variable_billsec") == "0"
    assert int(end.get("Caller-Channel-Answered-Time")) > 0


async def test_an_application_is_told_of_twice_under_one_number(home):
    ear = Ear(home.switch, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
    home.far_phone().invite("9196", home.reached_at("external"))
    done = await ear.until("CHANNEL_EXECUTE_COMPLETE")
    begun = ear.of("CHANNEL_EXECUTE")[0]
    for event in (begun, done):
        assert (event.get("Application"), event.get("Application-Data")) == ("answer", "")
    assert begun.get("Application-UUID") == done.get("Application-UUID")
    assert done.get("Application-Response") == "_none_"


async def test_two_legs_name_each_other_and_a_hold_is_told(home):
    phone = await home.registered_phone()
    ear = Ear(home.switch, *CALL)
    caller = home.far_phone()
    call = caller.invite("1000", home.reached_at("external"))
    rung = await phone.rung()
    rung.ring()
    progress = await ear.until("CHANNEL_PROGRESS")
    assert progress.get("Answer-State") == "ringing"
    rung.answer()
    await call.answered()
    bridged = await ear.until("CHANNEL_BRIDGE")
    one, other = bridged.get("Bridge-A-Unique-ID"), bridged.get("Bridge-B-Unique-ID")
    assert (bridged.get("Unique-ID"), bridged.get("Other-Leg-Unique-ID")) == (one, other)
    assert bridged.get("Other-Type") == "originatee"
    outgoing = await ear.until("CHANNEL_ORIGINATE")
    assert (outgoing.get("Unique-ID"), outgoing.get("Other-Leg-Unique-ID")) == (other, one)
    assert (outgoing.get("Other-Type"), outgoing.get("Call-Direction")) == ("originator", "outbound")
    await home.both_ways()
    await rung.hold()
    assert (await ear.until("CHANNEL_HOLD")).get("Unique-ID") == other
    await rung.hold("sendrecv")
    assert (await ear.until("CHANNEL_UNHOLD")).get("Channel-Call-State") == "ACTIVE"
    call.hang_up()
    parted = await ear.until("CHANNEL_UNBRIDGE")
    assert parted.get("Bridge-B-Unique-ID") == other
    await ear.until("CHANNEL_DESTROY", lambda event: event.get("Unique-ID") == other)


async def test_a_phone_registers_again_guesses_and_leaves(home):
    ear = Ear(home.switch, "CUSTOM")
    phone = home.lan_phone()
    await phone.register(home.internal, PASSWORD)
    registered = await ear.until("sofia::register")
    domain = registered.get("from-host")
    assert registered.get("from-user") == registered.get("username") == "1000"
    assert registered.get("profile-name") == "internal"
    assert registered.get("status") == "Registered(UDP)"
    assert registered.get("network-ip") == phone.address.host
    await phone.register(home.internal, PASSWORD)
    assert len(ear.of("sofia::register")) == 2, "a refresh is told as well, as FreeSWITCH does"
    await phone.register(home.internal, PASSWORD, expires=0)
    gone = await ear.until("sofia::unregister")
    assert (gone.get("from-user"), gone.get("from-host")) == ("1000", domain)
    await home.lan_phone().register(home.internal, "a guess")
    failure = await ear.until("sofia::register_failure")
    assert (failure.get("to-user"), failure.get("registration-type")) == ("1000", "REGISTER")
    assert failure.get("reason")


async def test_mappings_and_a_new_address_of_the_gateway(found):
    home = await found(external=1)
    home.gateway.grow_older(100)  # so that its epoch has something to go back from
    ear = Ear(home.switch, "NAT", "TRAP")
    await home.switch.start()
    await home.mapped()
    added = await ear.until("NAT", lambda event: event.get("port") == "5060" and event.get("proto") == "0")
    expected = {
        "op": "add",
        "sticky": "false",
        "external-port": "5060",
        "protocol": "pmp",
        "state": "accepted",
    }
    assert {name: added.get(name) for name in expected} == expected
    assert int(added.get("lease")) > 60
    home.gateway.change_external_address(new := home.place.host_outside(2))
    await home.switch.nat_republish()
    changed = await ear.until("TRAP")
    assert changed.get("condition") == "network-external-address-change"
    assert changed.get("network-external-address-previous-v4") == home.place.host_outside(1)
    assert changed.get("network-external-address-change-v4") == new
    await home.switch.nat_add(1234, home.switch.snapshot().mapper.mappings[0].protocol, sticky=True)
    await home.switch.nat_delete(1234, home.switch.snapshot().mapper.mappings[0].protocol)
    gone = await ear.until("NAT", lambda event: event.get("op") == "del")
    assert gone.get("port") == "1234"


async def test_a_parked_call_its_keys_and_the_end_of_the_switch(found):
    home = await found({DEFAULT: extension("77", ("answer", ""), ("park", ""))})
    await home.switch.start()
    phone = await home.registered_phone()
    ear = Ear(home.switch, "CHANNEL_PARK", "DTMF", "SHUTDOWN", "RELOADXML")
    call = phone.invite("77", home.internal, password=PASSWORD)
    await call.answered()
    assert (await ear.until("CHANNEL_PARK")).get("Channel-State") == "CS_PARK"
    phone.act(
        lambda now: call.call.ask(
            now, "INFO", [("Content-Type", "application/dtmf-relay")], b"Signal=5\r\nDuration=100\r\n"
        )
    )
    key = await ear.until("DTMF")
    assert [key.get(f"DTMF-{name}") for name in ("Digit", "Duration", "Source")] == ["5", "800", "ENDPOINT"]
    await home.switch.reload()
    await ear.until("RELOADXML")
    home.switch.request_shutdown()
    assert (await ear.until("SHUTDOWN")).get("Event-Info") == "System Shutting Down"
