"""A record as a line of text, by a template: ``"${caller_id_name}","${billsec}"``.

Lives here: templates. Never here: which records there are, files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

NAME: Final = re.compile(r"\$\{([^{}]*)\}")
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")


def line(template: str, variables: Mapping[str, str]) -> str:
    """The template with each ``${name}`` replaced; what is not known is empty.

    A value is one cell and one line whoever wrote it: a quote in it is doubled (RFC 4180 §2.7), and whatever
    could end the line is a blank.
    """
    return NAME.sub(lambda found: _cell(variables.get(found[1].lower(), "")), template.strip()) + "\n"


def _cell(value: str) -> str:
    return UNPRINTABLE.sub(" ", value).replace('"', '""')
