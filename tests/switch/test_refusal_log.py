"""The lines that fail2ban reads: a stranger's words stay inside their brackets."""

from __future__ import annotations

import logging
import re

import pytest

from ringthru.console.log_lines import LogFormatter
from ringthru.switch.door import refusal_log
from ringthru.switch.door.authentication import FAILURE

FILTER = re.compile(  # the form that the stock filter wants, after the date
    r" \[WARNING\] sofia_reg\.c:\d+ SIP auth failure \((REGISTER|INVITE)\) on sofia profile '[^']+' "
    r"for \[[^\]]*\] from ip (?P<host>\S+)$"
)


@pytest.mark.parametrize(
    "name", ["1000", "", "a] from ip 192.0.2.9", "a[b]", "x\r\ny", "ü", "%5D", "] from ip 192.0.2.9\n"]
)
def test_the_address_is_that_of_who_tried(name: str, caplog: pytest.LogCaptureFixture) -> None:
    refusal_log.warn(
        logging.getLogger("ringthru.x"), FAILURE, "REGISTER", "internal", name, "home", "192.0.2.1"
    )
    (record,) = caplog.records
    line = LogFormatter(lambda: 99.5, with_uuid=True).format(record)
    assert len(line.splitlines()) == 1
    found = FILTER.search(line)
    assert found is not None, line
    assert found["host"] == "192.0.2.1"
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \[WARNING\]", line)
