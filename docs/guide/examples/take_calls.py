"""Take calls that the dialplan hands over: answer, play a tone, hang up."""

import asyncio
from urllib.parse import unquote


async def ask(reader, writer, request):
    """The headers of the answer; events that come before it are passed over."""
    writer.write(f"{request}\n\n".encode())
    while True:
        headers = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = unquote(value)
        await reader.readexactly(int(headers.get("Content-Length", 0)))
        if headers["Content-Type"] == "command/reply":
            return headers


def execute(application, data=""):
    return f"sendmsg\ncall-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {data}"


async def take(reader, writer):
    call = await ask(reader, writer, "connect")
    print(call["Caller-Caller-ID-Number"], "calls", call["Caller-Destination-Number"])
    await ask(reader, writer, execute("answer"))
    await ask(reader, writer, execute("playback", "tone_stream://%(250,0,440)"))
    await ask(reader, writer, "sendmsg\ncall-command: hangup\nhangup-cause: NORMAL_CLEARING")
    writer.close()


async def main(port=8084):
    server = await asyncio.start_server(take, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
