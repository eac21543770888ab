"""A span of time in words, for every face that shows one to people."""

from __future__ import annotations

UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))  # seconds


def span(seconds: float) -> str:
    """In its two largest units: ``59m 12s``, ``2d 3h``; under a minute ``7s``; nothing is below ``0s``."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in UNITS:
        amount, left = divmod(left, size)
        if amount or parts or unit == "s":
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])
