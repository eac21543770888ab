"""Print how each call ended, by the events of the event socket. Nothing but the standard library."""

import asyncio
import json


async def read_frame(reader):
    """Headers and body of whatever comes next."""
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    return headers, body.decode()


async def main(password, host="127.0.0.1", port=8021, calls=None):
    """Watch until so many calls have ended; None: for ever."""
    reader, writer = await asyncio.open_connection(host, port)
    await read_frame(reader)  # auth/request
    for request in (f"auth {password}", "event json CHANNEL_HANGUP_COMPLETE"):
        writer.write(f"{request}\n\n".encode())
        headers, _ = await read_frame(reader)
        if not headers["Reply-Text"].startswith("+OK"):
            raise SystemExit(headers["Reply-Text"])
    ended = []
    while calls is None or len(ended) < calls:
        headers, body = await read_frame(reader)
        if headers["Content-Type"] == "text/event-json":
            event = json.loads(body)
            number, called = event["Caller-Caller-ID-Number"], event["Caller-Destination-Number"]
            ended.append(f"{number} called {called}: {event['Hangup-Cause']}, {event['variable_billsec']} s")
            print(ended[-1])
    writer.close()
    return ended


if __name__ == "__main__":
    import sys

    asyncio.run(main(sys.argv[1]))
