"""FreeSWITCH's own client library in C (libesl, which fs_cli is made of), as fs_cli and scripts use it."""

from __future__ import annotations

import sys

import ESL

HOST, PORT, PASSWORD = sys.argv[1], sys.argv[2], sys.argv[3]
PATIENCE = 30_000  # ms
OK = 0  # what libesl's functions of C return


def main() -> None:
    assert not ESL.ESLconnection(HOST, PORT, "a guess").connected()
    esl = ESL.ESLconnection(HOST, PORT, PASSWORD)
    assert esl.connected()
    commands(esl)
    completion(esl)
    prompt(esl)
    mappings(esl)
    job_and_call(esl)
    esl.disconnect()
    assert not esl.connected()


def commands(esl: ESL.ESLconnection) -> None:
    assert esl.api("nat_map", "status").getBody().startswith("Nat Type: NAT-PMP, ExtIP: ")
    assert esl.api("nonsense").getBody() == "-ERR nonsense Command not found!\n"
    # What fs_cli asks when it begins, and the form it gives to what is typed at its prompt.
    assert esl.api("switchname").getBody()
    assert esl.api("hostname").getBody()
    assert esl.sendRecv("log debug").getHeader("Reply-Text") == "+OK log level debug [7]"
    assert esl.sendRecv("nolog").getHeader("Reply-Text") == "+OK no longer logging"
    typed = esl.sendRecv("api version;; hostname\nconsole_execute: true").getBody()
    assert "Ringthru" in typed, typed


def prompt(esl: ESL.ESLconnection) -> None:
    """A while at fs_cli's prompt: the log runs, lines are typed, and each has its own answer between them."""
    assert esl.sendRecv("log debug").getHeader("Reply-Text") == "+OK log level debug [7]"
    for number in range(20):
        typed = esl.sendRecv(f"api log notice line {number}\nconsole_execute: true")
        assert typed.getBody() == "+OK\n", typed.getBody()
        assert esl.sendRecv("api nat_map status\nconsole_execute: true").getBody().startswith("Nat Type: ")
    lines = [esl.recvEventTimed(PATIENCE) for _ in range(20)]
    assert {each.getHeader("Log-Level") for each in lines} <= {"5", "6", "7"}
    assert "line 0" in lines[0].getBody()
    assert esl.sendRecv("nolog").getHeader("Reply-Text") == "+OK no longer logging"
    in_the_middle = esl.sendRecv("api console_complete c=8;nat_map status").getBody()  # Tab behind the blank
    assert "write=" in in_the_middle, in_the_middle
    assert esl.sendRecv("noevents").getHeader("Reply-Text") == "-ERR not listening for events"


def completion(esl: ESL.ESLconnection) -> None:
    """Tab at fs_cli's prompt."""
    answer = esl.api("console_complete", "nat_map sta").getBody()
    assert answer.endswith("\n\nwrite=3:status "), answer


def mappings(esl: ESL.ESLconnection) -> None:
    assert esl.events("json", "NAT") == OK
    assert esl.api("nat_map", "add 1236 tcp").getBody() == "true"
    added = waited_for(esl, "NAT")  # libesl reads JSON itself
    assert [added.getHeader(name) for name in ("op", "port", "proto")] == ["add", "1236", "1"]
    assert esl.sendRecv("noevents").getHeader("Reply-Text") == "+OK no longer listening for events"
    assert esl.api("nat_map", "del 1236 tcp").getBody() == "true"


def job_and_call(esl: ESL.ESLconnection) -> None:
    wanted = "BACKGROUND_JOB CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE CUSTOM our::word"
    assert esl.events("plain", wanted) == OK
    filtered = esl.filter("variable_marked", "yes").getHeader("Reply-Text")
    assert filtered == "+OK filter added. [variable_marked]=[yes]"
    assert esl.filter("Job-UUID", "job-of-ours").getHeader("Reply-Text").startswith("+OK")
    assert esl.bgapi("originate", "{marked=yes}loopback/9196/public &park()", "job-of-ours")
    uuid = waited_for(esl, "BACKGROUND_JOB").getBody().split()[1]
    esl.setEventLock("1")
    assert esl.execute("set", "said=word", uuid).getHeader("Reply-Text") == "+OK"
    assert waited_for(esl, "CHANNEL_EXECUTE_COMPLETE").getHeader("variable_said") == "word"
    hang_up = ESL.ESLevent("message")
    hang_up.addHeader("call-command", "hangup")
    hang_up.addHeader("hangup-cause", "USER_BUSY")
    assert esl.sendMSG(hang_up, uuid) == OK
    assert waited_for(esl, "CHANNEL_HANGUP_COMPLETE").getHeader("Hangup-Cause") == "USER_BUSY"
    own_event(esl)


def own_event(esl: ESL.ESLconnection) -> None:
    """What one client sends the others hear, and so does it."""
    told = ESL.ESLevent("CUSTOM", "our::word")
    told.addHeader("marked", "with: colon and ü")
    told.addHeader("variable_marked", "yes")
    told.addBody("its body")
    esl.sendEvent(told)
    heard = waited_for(esl, "CUSTOM")
    assert heard.getHeader("Event-Subclass") == "our::word"
    assert heard.getHeader("marked") == "with: colon and ü"
    assert heard.getBody() == "its body"


def waited_for(esl: ESL.ESLconnection, name: str) -> ESL.ESLevent:
    for _ in range(50):
        event = esl.recvEventTimed(PATIENCE)
        assert event is not None, f"no {name}"
        if event.getHeader("Event-Name") == name:
            return event
    raise AssertionError(f"no {name} among fifty events")


main()
print("done")
