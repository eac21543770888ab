"""Be told when the address or a port changes: a queue for the part of the program that cares."""

import asyncio

from ringthru.portmap import (
    ExternalAddressChanged,
    GatewayFound,
    MappingAdded,
    MappingFailed,
    MappingRemoved,
    PortMapper,
    Protocol,
    Wanted,
)


async def main(surroundings=None, enough=lambda said: False):
    events = asyncio.Queue()
    said = []
    async with PortMapper(surroundings) as mapper:
        mapper.subscribe(events.put_nowait)  # called in the loop; must return at once
        mapper.want(Wanted(Protocol.UDP, 8000))
        while not enough(said):
            match await events.get():
                case GatewayFound(_, _, str(address)) | ExternalAddressChanged(_, str(address)):
                    said.append(f"tell everybody: we are at {address}")
                case ExternalAddressChanged(_, None):
                    said.append("we cannot be reached any more")
                case MappingAdded(protocol, port, external):
                    said.append(f"{protocol.value} {port} is reached at {external}")
                case MappingRemoved(protocol, port):
                    said.append(f"{protocol.value} {port} cannot be reached for now")
                case MappingFailed(protocol, port, reason):
                    said.append(f"{protocol.value} {port}: {reason}")
                case _:
                    continue  # see the reference for the others
            print(said[-1])
    return said


if __name__ == "__main__":
    asyncio.run(main())
