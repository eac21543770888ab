"""The drawings of the picture: lines of one width in the colour of the text around them."""

from __future__ import annotations

from typing import Final

from ..markup import Html

PATHS: Final = {
    "globe": (
        '<circle cx="24" cy="24" r="17"/><path d="M7 24h34M24 7c-10 9-10 25 0 34M24 7c10 9 10 25 0 34"/>'
    ),
    "nat": (
        '<rect x="9" y="8" width="30" height="32" rx="3"/>'
        '<path d="M9 19h30M9 29h30M24 8v11M16 19v10M32 19v10M24 29v11"/>'
    ),
    "router": (
        '<rect x="5" y="25" width="38" height="14" rx="3"/>'
        '<path d="M13 32h.1M20 32h.1M36 25V14M31 16a8 8 0 0 1 10 0M27 11a14 14 0 0 1 18 0"/>'
    ),
    "switch": (
        '<rect x="7" y="7" width="34" height="34" rx="5"/>'
        '<path d="M14 17h7l8 14h5M14 31h7l2-3M27 20l2-3h5M31 13l4 4-4 4M31 27l4 4-4 4"/>'
    ),
    "phone": (
        '<path d="M15 7h-5a4 4 0 0 0-4 4c0 17 14 31 31 31a4 4 0 0 0 4-4v-6l-9-4-4 5c-6-3-10-7-12-12l4-5z"/>'
    ),
}


def icon(name: str) -> Html:
    """One drawing; a decoration, which nobody needs to hear of."""
    head = '<svg viewBox="0 0 48 48" aria-hidden="true" focusable="false">'
    return Html(f"{head}{PATHS[name]}</svg>")
