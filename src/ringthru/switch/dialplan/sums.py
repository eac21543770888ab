"""Sums for ``${expr(…)}``: numbers, ``+ - * / % ^`` and brackets; no names, no calls.

Lives here: reading and reckoning them, on little text. Never here: variables.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

LONGEST: Final = 200  # characters
OPERATORS: Final[Mapping[type[ast.AST], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.BitXor: operator.pow,  # ^ is a power here, as in FreeSWITCH
}


def value_of(text: str) -> float:
    """What a sum comes to.

    Raises:
        ValueError: it is none, or its result is no real number.
    """
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(str(error)) from error


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            return float(OPERATORS[type(sign)](_value(left), _value(right)))
    raise ValueError("not a sum")
