"""greenswitch gets a call by the dialplan's ``socket``, answers, plays, reads variables, and lingers."""

from __future__ import annotations

import sys

import gevent.event
import gevent.queue
import greenswitch

HOST, PORT, PASSWORD, LISTEN = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
PATIENCE = 30
done: gevent.event.AsyncResult = gevent.event.AsyncResult()


class Application:
    """One call."""

    def __init__(self, session: greenswitch.esl.OutboundSession) -> None:
        self.session = session

    def run(self) -> None:
        try:
            self.handle()
            done.set("done")
        except BaseException as error:
            done.set_exception(error)

    def handle(self) -> None:
        session = self.session
        session.connect()
        self.mappings()  # before ``myevents``, which keeps all but the call's own events away
        session.myevents()
        session.linger(30)
        assert session.uuid, session.session_data
        session.answer()
        session.playback("silence_stream://100")
        session.call_command("set", "greeted=yes")
        assert session.send("getvar greeted").data == "yes"
        gone = gevent.event.Event()
        session.register_handle("CHANNEL_HANGUP_COMPLETE", lambda event: gone.set())
        session.call_command("hangup", "USER_BUSY")
        assert gone.wait(PATIENCE), "the end was not heard of"
        session.stop()

    def mappings(self) -> None:
        session = self.session
        assert session.send("api nat_map status").data.startswith("Nat Type: NAT-PMP, ExtIP: ")
        heard = gevent.queue.Queue()
        session.register_handle("NAT", heard.put)
        assert session.send("event plain NAT").data == "+OK event listener enabled plain"
        assert session.send("api nat_map add 1237 udp").data == "true"
        event = heard.get(timeout=PATIENCE).headers
        assert (event["op"], event["port"]) == ("add", "1237"), event
        session.send("api nat_map del 1237 udp")


server = greenswitch.OutboundESLServer(
    bind_address="127.0.0.1", bind_port=LISTEN, application=Application, max_connections=5
)
gevent.spawn(server.listen)
with greenswitch.InboundESL(HOST, PORT, PASSWORD) as esl:
    where = f"'socket:127.0.0.1:{LISTEN} async full'"
    answer = esl.send(f"api originate loopback/9196/public {where} inline").data
    assert answer.startswith("+OK"), answer
    print(done.get(timeout=PATIENCE))
server.stop()
