"""What local_stream.conf says: streams of music, each a folder of WAV files.

Lives here: names, types, defaults. Never here: the files, who listens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ...net.values import frozen
from .errors import ConfigurationError
from .parameters import read_parameters
from .tree import Tree
from .values import read_boolean

PARAMETERS: Final[dict[str, Any]] = {
    "shuffle": read_boolean,
    # FreeSWITCH's, about what is the call's own business here
    "rate": str,
    "channels": str,
    "interval": str,
    "timer-name": str,
}


@frozen
class StreamSettings:
    """One stream: ``local_stream://NAME``."""

    name: str
    path: Path
    shuffle: bool = False  # the files in another order at each start


def load_streams(tree: Tree) -> tuple[StreamSettings, ...]:
    """The streams of local_stream.conf, in order; none when there is no such file.

    Raises:
        ConfigurationError: a stream without a name or a folder, or a value that cannot be meant.
    """
    element = tree.configuration("local_stream.conf")
    found = []
    for each in element.all("directory") if element is not None else []:
        name, path = each.get("name").strip(), each.get("path").strip()
        if not name or not path:
            raise ConfigurationError(
                each.position,
                "local_stream.conf: a directory needs name= and path=",
                "write both",
            )
        values = read_parameters(each.all("param"), PARAMETERS, "local_stream.conf")
        found.append(StreamSettings(name, Path(path), values.get("shuffle", False)))
    return tuple(found)
