"""What callers without a password reach in a dialplan context, read off its extensions.

In doubt an extension leads on: what it does is listed as harmless, or it is not. Pure.

Lives here: reading. Never here: judging (``security_checks``), or whether anybody can call in at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..switch.configuration.conditions import Action, Break, Condition, Extension, Rule

PROVIDERS: Final = ("${sip_gateway_name}", "sip_gateway_name")  # set for a provider's calls alone
HEARD: Final = (
    "answer pre_answer ring_ready echo delay_echo playback phrase say sleep send_dtmf start_dtmf stop_dtmf"
)
ASKED: Final = "read play_and_get_digits"
KEPT: Final = (
    "set export multiset unset multiunset hash db limit group check_acl log info eval enable_heartbeat"
)
ENDED: Final = "hangup respond redirect deflect sched_hangup"
HARMLESS: Final = frozenset(f"{HEARD} {ASKED} {KEPT} {ENDED}".split())  # nobody else is called by these


def leading_on(extensions: Iterable[Extension]) -> tuple[str, ...]:
    """``name (application)`` of each extension by which a stranger gets further than a sound.

    What asks first whether a provider calls (``sip_gateway_name``) is not among them.
    """
    found = []
    for extension in extensions:
        actions = [each for each in _actions(extension.conditions) if each.application not in HARMLESS]
        if actions:
            found.append(f"{extension.name or 'one without a name'} ({actions[0].application})")
    return tuple(found)


def _actions(conditions: Iterable[Condition]) -> Iterator[Action]:
    """Those a stranger's call may come to: nothing behind a condition that only providers' calls pass."""
    for each in conditions:
        if not _asks_for_a_provider(each):
            yield from each.actions
            yield from _actions(each.nested)
        yield from each.anti_actions
        if _asks_for_a_provider(each) and each.break_ in (Break.ON_FALSE, Break.ALWAYS):
            return


def _asks_for_a_provider(condition: Condition) -> bool:
    """Whether it holds for nobody but a provider: its name is asked for, and an empty one does not do."""
    if condition.rule not in (Rule.ONE, Rule.ALL):
        return False
    tests = [clause.test for clause in condition.clauses if clause.test.field in PROVIDERS]
    return any(each.compiled is not None and each.compiled.search("") is None for each in tests)
