"""What is fuzzed: one function for each decoder, which raises when the decoder breaks its law.

The law: any bytes give a value or the one typed error, within the caps; and where there is an encoder, what
was read, written and read again is the same. Time and memory are the fuzzer's own limits (``runner``).
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isfunction
from typing import Final

from . import gateway_machines, gateway_wire, telephony

ROOMS: Final = (gateway_wire, gateway_machines, telephony)  # each public function made there is a target
TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    name: each
    for room in ROOMS
    for name, each in vars(room).items()
    if isfunction(each) and each.__module__ == room.__name__ and not name.startswith("_")
}
