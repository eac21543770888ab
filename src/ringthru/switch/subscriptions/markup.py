"""Text of peers within XML (XML 1.0 §2.2): what it cannot hold is replaced, whatever it would end is escaped.

Lives here: one function for elements and attributes. Never here: any document.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 128  # characters; what is longer is no name, and would only swell each NOTIFY
FORBIDDEN: Final = re.compile(r"[^\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def xml_text(text: str) -> str:
    """``text`` as content, or within the quotes of an attribute."""
    return FORBIDDEN.sub("?", text[:LONGEST]).translate(ESCAPES)
