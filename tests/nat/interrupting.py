"""Interrupting a command that runs in this very process, once it is ready to be interrupted."""

import os
import signal

from ..scenarios.waiting import eventually


async def interrupt(number: signal.Signals) -> None:
    """Send ourselves the signal as soon as the command handles it: before, it would end the tests."""
    unhandled = signal.SIG_DFL, signal.default_int_handler
    await eventually(lambda: signal.getsignal(number) not in unhandled, "nobody handles the signal")
    os.kill(os.getpid(), number)
