"""FreeSWITCH's log levels that the standard library lacks."""

from __future__ import annotations

import logging
from typing import Final

NOTICE: Final = 25  # between INFO and WARNING
CONSOLE: Final = 60  # always shown

FREESWITCH_NAMES: Final = {
    CONSOLE: "CONSOLE",
    logging.CRITICAL: "CRIT",
    logging.ERROR: "ERR",
    logging.WARNING: "WARNING",
    NOTICE: "NOTICE",
    logging.INFO: "INFO",
    logging.DEBUG: "DEBUG",
}
