"""FreeSWITCH's own client library gets a call by the dialplan's ``socket``, as its outbound servers do."""

from __future__ import annotations

import socket
import sys

import ESL

HOST, PORT, PASSWORD, LISTEN = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
PATIENCE = 30_000  # ms


def main() -> None:
    server = socket.create_server(("127.0.0.1", LISTEN))
    server.settimeout(PATIENCE / 1000)
    esl = ESL.ESLconnection(HOST, PORT, PASSWORD)
    started = f"originate loopback/9196/public 'socket:127.0.0.1:{LISTEN} async full' inline"
    assert esl.bgapi(started)
    handle(server.accept()[0])


def handle(accepted: socket.socket) -> None:
    call = ESL.ESLconnection(accepted.detach())
    info = call.getInfo()
    uuid = info.getHeader("Unique-ID")
    assert info.getHeader("Control") == "full", info.serialize()
    assert call.events("plain", "all") == 0
    call.sendRecv("myevents")
    call.sendRecv("linger 30")
    call.execute("answer", "", uuid)
    call.execute("playback", "silence_stream://100", uuid)
    heard_of(call, "CHANNEL_EXECUTE_COMPLETE", "Application", "playback")
    assert call.api("uuid_exists", uuid).getBody() == "true"
    call.execute("hangup", "USER_BUSY", uuid)
    ended = heard_of(call, "CHANNEL_HANGUP_COMPLETE", "Unique-ID", uuid)
    assert ended.getHeader("Hangup-Cause") == "USER_BUSY"
    call.disconnect()


def heard_of(call: ESL.ESLconnection, name: str, header: str, value: str) -> ESL.ESLevent:
    for _ in range(200):
        event = call.recvEventTimed(PATIENCE)
        assert event is not None, f"no {name} with {header} {value}"
        if event.getHeader("Event-Name") == name and event.getHeader(header) == value:
            return event
    raise AssertionError(f"no {name} among two hundred events")


main()
print("done")
