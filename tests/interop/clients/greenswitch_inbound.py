"""greenswitch connects, runs commands, starts a call and hears of it."""

from __future__ import annotations

import sys

import greenswitch
from gevent.event import Event
from gevent.queue import Queue

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
PATIENCE = 30


def main() -> None:
    assert is_refused("a guess")
    with greenswitch.InboundESL(HOST, PORT, PASSWORD) as esl:
        commands(esl)
        mappings(esl)
        calls(esl)
        log(esl)


def is_refused(password: str) -> bool:
    try:
        greenswitch.InboundESL(HOST, PORT, password).connect()
    except ValueError as error:
        return str(error) == "Invalid password."
    return False


def commands(esl: greenswitch.InboundESL) -> None:
    assert esl.send("api nat_map status").data.startswith("Nat Type: NAT-PMP, ExtIP: ")
    assert esl.send("api nonsense").data == "-ERR nonsense Command not found!\n"
    assert esl.send("nonsense").data == "-ERR command not found"


def mappings(esl: greenswitch.InboundESL) -> None:
    heard: Queue = Queue()
    esl.register_handle("NAT", heard.put)
    assert esl.send("event plain NAT").data == "+OK event listener enabled plain"
    assert esl.send("api nat_map add 1234 udp").data == "true"
    added = heard.get(timeout=PATIENCE).headers
    assert (added["op"], added["port"], added["proto"]) == ("add", "1234", "0"), added
    assert esl.send("api nat_map del 1234 udp").data == "true"
    assert heard.get(timeout=PATIENCE).headers["op"] == "del"


def calls(esl: greenswitch.InboundESL) -> None:
    jobs: Queue = Queue()
    ends: Queue = Queue()
    esl.register_handle("BACKGROUND_JOB", jobs.put)
    esl.register_handle("CHANNEL_HANGUP_COMPLETE", ends.put)
    esl.send("event plain BACKGROUND_JOB CHANNEL_HANGUP_COMPLETE")
    reply = esl.send("bgapi originate loopback/9196/public &park()")
    job = jobs.get(timeout=PATIENCE).headers
    assert job["Job-UUID"] == reply.headers["Job-UUID"], job
    uuid = esl.send("api show channels as csv").data.splitlines()[1].partition(",")[0]
    told = f"sendmsg {uuid}\ncall-command: hangup\nhangup-cause: USER_BUSY"
    assert esl.send(told).data == "+OK"
    assert ends.get(timeout=PATIENCE).headers["Hangup-Cause"] == "USER_BUSY"


def log(esl: greenswitch.InboundESL) -> None:
    seen = Event()
    esl.register_handle("log", lambda event: "has been answered" in event.data and seen.set())
    assert esl.send("log debug").data == "+OK log level debug [7]"
    esl.send("api originate loopback/9196/public &hangup()")
    assert seen.wait(PATIENCE), "no line of the log"
    assert esl.send("nolog").data == "+OK no longer logging"


main()
print("done")
