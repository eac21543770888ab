"""A clock that stands still until a test moves it.

Lives here: the manual clock, and driving a machine by it.
Never here: the real time, or a loop.
"""

from __future__ import annotations

from typing import Protocol


class Machine(Protocol):
    """The part of the machine contract that time needs."""

    def next_timeout(self) -> float | None: ...

    def handle_timeout(self, now: float) -> None: ...


class ManualClock:
    """Seconds on a clock of our own; pass ``clock.read`` wherever a time function is wanted."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def read(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        """Let ``seconds`` pass; returns the new instant."""
        return self.advance_to(self.now + seconds)

    def advance_to(self, instant: float) -> float:
        """Stand at ``instant``.

        Raises:
            ValueError: the instant has passed; this clock never runs backwards.
        """
        if instant < self.now:
            raise ValueError(f"the clock stands at {self.now}, {instant} has passed")
        self.now = instant
        return instant

    def run_to_next_timeout(self, machine: Machine) -> float | None:
        """Move to the machine's next timeout and let it act; None, and no move, when it waits for none.

        A timeout already due is handled now.
        """
        due = machine.next_timeout()
        if due is None:
            return None
        self.now = max(self.now, due)
        machine.handle_timeout(self.now)
        return self.now

    def run_until(self, machine: Machine, instant: float, *, most: int = 10_000) -> int:
        """Handle every timeout up to ``instant``, then stand there; returns how many there were.

        Raises:
            RuntimeError: more than ``most`` timeouts: the machine spins.
        """
        for handled in range(most):
            due = machine.next_timeout()
            if due is None or due > instant:
                self.advance_to(instant)
                return handled
            self.run_to_next_timeout(machine)
        raise RuntimeError(f"{most} timeouts before {instant}: the machine spins")
