"""Genesis: inbound, consumer and outbound against one switch."""

from __future__ import annotations

import asyncio
import sys

from genesis import Consumer, Inbound, Outbound, Session
from genesis.exceptions import AuthenticationError

HOST, PORT, PASSWORD, LISTEN = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
PATIENCE = 30


async def inbound() -> None:
    try:
        async with Inbound(HOST, PORT, "a guess"):
            raise AssertionError("a wrong password was taken")
    except AuthenticationError:
        pass
    async with Inbound(HOST, PORT, PASSWORD) as client:
        answer = await client.send("api nat_map status")
        assert answer.body.startswith("Nat Type: NAT-PMP, ExtIP: "), answer
        job = await client.send("bgapi uptime")
        assert job["Reply-Text"] == f"+OK Job-UUID: {job['Job-UUID']}", job
        assert (await client.send("exit"))["Reply-Text"] == "+OK bye"


async def consumer() -> None:
    consumer = Consumer(HOST, PORT, PASSWORD)
    heard: asyncio.Queue = asyncio.Queue()
    consumer.handle("NAT")(heard.put)
    consumer.handle("CHANNEL_ANSWER")(heard.put)
    consumer.handle("ringthru::news")(heard.put)
    task = asyncio.create_task(consumer.start())
    try:
        async with asyncio.timeout(PATIENCE), Inbound(HOST, PORT, PASSWORD) as other:
            while not consumer.protocol.is_connected or len(consumer.protocol.handlers) < 3:
                await asyncio.sleep(0.05)  # the client has no event for that
            event = None
            while event is None:  # until its subscription is in force
                await other.send("sendevent CUSTOM\nEvent-Subclass: ringthru::news\nWhat: this & that")
                try:
                    event = await asyncio.wait_for(heard.get(), 0.2)
                except TimeoutError:
                    continue
            assert event["What"] == "this & that", event
            await other.send("api nat_map add 1235 tcp")
            assert await until(heard, "NAT", op="add", port="1235", proto="1")
            await other.send("api nat_map del 1235 tcp")
            assert await until(heard, "NAT", op="del", port="1235")
            await other.send("api originate loopback/9196/public &hangup()")
            answer = await until(heard, "CHANNEL_ANSWER")
            assert answer["Answer-State"] == "answered", answer
    finally:
        task.cancel()
        await consumer.stop()


async def until(heard: asyncio.Queue, name: str, **headers: str) -> dict:
    while True:
        event = await heard.get()
        if event["Event-Name"] == name and all(event.get(key) == value for key, value in headers.items()):
            return event


async def outbound() -> None:
    done: asyncio.Future = asyncio.get_running_loop().create_future()

    async def handler(session: Session) -> None:
        try:
            assert session.context["Unique-ID"], session.context
            assert session.context["Control"] == "full"
            await session.sendmsg("execute", "answer", block=True, timeout=PATIENCE)
            ended = await session.sendmsg(
                "execute", "playback", "silence_stream://100", lock=True, block=True, timeout=PATIENCE
            )
            assert ended["variable_playback_status"] == "FILE PLAYED", ended
            assert (await session.send("api nat_map status")).body.startswith("Nat Type: NAT-PMP, ExtIP: ")
            await session.sendmsg("hangup", "hangup", "USER_BUSY")
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    server = Outbound(handler, "127.0.0.1", LISTEN)
    await server.start(block=False)
    async with asyncio.timeout(PATIENCE), Inbound(HOST, PORT, PASSWORD) as client:
        where = f"'socket:127.0.0.1:{LISTEN} async full'"
        answer = await client.send(f"api originate loopback/9196/public {where} inline")
        assert answer.body.startswith("+OK"), answer.body
        await done
    await server.stop()


async def main() -> None:
    await inbound()
    await consumer()
    await outbound()


asyncio.run(main())
print("done")
