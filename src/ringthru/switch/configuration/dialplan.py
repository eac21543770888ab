"""The XML dialplan: from a call to the list of applications it runs. Pure: values in, actions out.

Follows FreeSWITCH's hunt: conditions of an extension in order, each with its ``break``; an extension whose
last condition held ends the hunt unless it says ``continue="true"``. ``$1`` stands for a capture of the
condition's own expression; ``${name}`` in an action's data is left for the moment the action runs.

Lives here: contexts, and the hunt through one. Never here: running an application, a channel, or the clock:
it is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final, Self

from ...net.values import frozen, replace
from .conditions import Action, Break, Clock, Condition, Extension
from .dialplan_reader import read_extension
from .errors import ConfigurationError
from .expand import Lookup
from .expressions import Captures, fill_captures
from .tree import Tree

FALLBACK_CONTEXT: Final = "global"
MATCHES: Final = "DP_REGEX_MATCH_"  # …1: an array of what a condition's first <regex> captured

Trace = Callable[[str], None]
RunInline = Callable[[Action], None]


@frozen
class Route:
    """What a hunt came to. No actions: nothing in the context wants this call (404)."""

    context: str
    actions: tuple[Action, ...] = ()
    extensions: tuple[str, ...] = ()  # the names of those that gave actions
    variables: Mapping[str, str] = field(default_factory=dict)  # captures of <regex> elements, by MATCHES


@frozen
class Dialplan:
    """All contexts, in the order of the files."""

    contexts: Mapping[str, tuple[Extension, ...]]

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """The dialplan section; no contexts when there is none.

        Raises:
            ConfigurationError: an expression that is no regular expression, an unknown word, or a context
                without a name.
        """
        contexts: dict[str, tuple[Extension, ...]] = {}
        for element in tree.section("dialplan").all("context"):
            name = element.get("name")
            if not name:
                message = "a context without a name: no call could come to it"
                raise ConfigurationError(element.position, message, 'write <context name="…">')
            extensions = tuple(read_extension(each) for each in element.all("extension"))
            contexts[name] = contexts.get(name, ()) + extensions
        return cls(contexts)

    def route(
        self,
        context: str,
        lookup: Lookup,
        clock: Clock,
        *,
        run_inline: RunInline | None = None,
        trace: Trace | None = None,
    ) -> Route:
        """Hunt through a context, or through the one named ``global`` where that one is missing.

        Args:
            lookup: the call's fields (``destination_number``, ``caller_id_number``, ``network_addr`` …) and
                its variables, by name; None for what it has not got.
            clock: asked where a condition looks at the time.
            run_inline: runs the actions marked ``inline``; without it they stand in the list with the others.
            trace: takes one line per step, for a log.
        """
        name = context if context in self.contexts else FALLBACK_CONTEXT
        if name not in self.contexts:
            return Route(context)
        hunt = _Hunt(lookup, clock, run_inline, trace)
        used = []
        for extension in self.contexts[name]:
            if trace is not None:
                trace(f"parsing [{name}->{extension.name}] continue={str(extension.continue_).lower()}")
            before = hunt.taken
            matched = hunt.through(extension.conditions, extension.name)
            if hunt.taken > before:
                used.append(extension.name)
            if matched and not extension.continue_:
                break
        return Route(name, tuple(hunt.actions), tuple(used), hunt.variables)


class _Hunt:
    """One hunt's state: the actions so far."""

    def __init__(
        self, lookup: Lookup, clock: Clock, run_inline: RunInline | None, trace: Trace | None
    ) -> None:
        self.actions: list[Action] = []
        self.variables: dict[str, str] = {}
        self.taken = 0  # actions, those run inline included
        self._call = lookup
        self._clock = clock
        self._run_inline = run_inline
        self._trace = trace

    def through(self, conditions: tuple[Condition, ...], name: str) -> bool:
        """Take the conditions in order; whether the last one looked at held, or had an anti-action."""
        matched = False
        for condition in conditions:
            outcome = condition.outcome(self._lookup, self._clock)
            if self._trace is not None:
                self._trace(_words(condition, outcome.holds, name))
            for number, captures in enumerate(outcome.matches, start=1):
                self.variables[f"{MATCHES}{number}"] = "ARRAY::" + "|:".join(captures)
            for action in condition.actions if outcome.holds else condition.anti_actions:
                self._take(action, outcome.captures if outcome.holds else None)
            matched = outcome.holds or bool(condition.anti_actions)
            if condition.break_.after(outcome.holds):
                break
            if matched and condition.nested:
                nested = self.through(condition.nested, name)
                matched = nested or not condition.require_nested
                if not matched and condition.break_ is not Break.NEVER:
                    break
        return matched

    def _lookup(self, name: str) -> str | None:
        return self.variables.get(name) or self._call(name)

    def _take(self, action: Action, captures: Captures | None) -> None:
        if captures is not None and "$" in action.data:
            action = replace(action, data=fill_captures(action.data, captures))
        self.taken += 1
        if self._trace is not None:
            self._trace(f"Action {action.application}({action.data}){' INLINE' if action.inline else ''}")
        if action.inline and self._run_inline is not None:
            self._run_inline(action)
        else:
            self.actions.append(action)


def _words(condition: Condition, holds: bool, name: str) -> str:
    tests = f" {condition.rule.value} ".join(str(each) for each in condition.clauses)
    return f"Regex ({'PASS' if holds else 'FAIL'}) [{name}] {tests} break={condition.break_.value}"
