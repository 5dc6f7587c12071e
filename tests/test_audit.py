"""The record of what staff do: every act that a screen of theirs leads to is in it, and none keeps what was written."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import pytest

from handlers import TALKS
from storage import charges, directory, door, staff
from storage.tables import audit

ACTS = ("connection", "acting")  # how a query of storage begins
SILENT: dict[Callable[..., Any], str] = {  # acts that leave no line, and why that is right
    door.forget_words: "it takes away what the writer typed themselves, and touches nobody",
}


@cache
def parsed(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def meant(function: FunctionType, node: ast.AST) -> Any:
    """What a name or an attribute of a module stands for in a function; None for anything local."""
    known = function.__globals__
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        holder = known.get(node.value.id)
        return getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
    return None


def mentioned(function: FunctionType, room: str) -> Iterator[tuple[ast.AST, FunctionType]]:
    for node in ast.walk(parsed(function)):
        found = meant(function, node)
        if isinstance(found, FunctionType) and found.__module__.split(".")[0] == room:
            yield node, found


def reachable(function: FunctionType, room: str) -> set[FunctionType]:
    """A function and every other of its room that it leads to."""
    found, left = {function}, [function]
    while left:
        new = {other for _, other in mentioned(left.pop(), room)} - found
        found |= new
        left += new
    return found


def acts_of(script: FunctionType) -> set[FunctionType]:
    """Every query of storage that a script hands on to be done: named in it, and not only read from."""
    found = set()
    for function in reachable(script, "handlers"):
        read = {id(call.args[0]) for call in ast.walk(parsed(function)) if _is_fetch(call)}
        called = {id(call.func) for call in ast.walk(parsed(function)) if isinstance(call, ast.Call)}
        for node, query in mentioned(function, "storage"):
            begins = tuple(inspect.signature(query).parameters)[:2] == ACTS
            if begins and id(node) not in read | called and writes(query):
                found.add(query)
    return found


def _is_fetch(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fetch"


def writes(query: FunctionType) -> bool:
    """Whether something may be different after it."""
    names = (n for f in reachable(query, "storage") for n in ast.walk(parsed(f)) if isinstance(n, ast.Name))
    return bool({"insert", "update", "delete", "upsert"} & {name.id for name in names})


def leaves_a_line(act: FunctionType) -> bool:
    return bool({staff.audit, staff._record} & reachable(act, "storage"))


STAFF_SCRIPTS = sorted(set(TALKS.roles) & {command.script for command in TALKS.commands.values()} | set(TALKS.roles))


@pytest.mark.parametrize("script", STAFF_SCRIPTS)
def test_whatever_a_screen_of_staff_does_is_recorded(script: str) -> None:
    unwritten = {a for a in acts_of(TALKS.scripts[script]) if not leaves_a_line(a)} - set(SILENT)  # type: ignore[arg-type]
    assert not sorted(f"{act.__module__}.{act.__qualname__}" for act in unwritten)


def test_the_look_above_sees_acts_and_can_tell_one_that_is_not_recorded() -> None:
    found = {act for script in STAFF_SCRIPTS for act in acts_of(TALKS.scripts[script])}  # type: ignore[arg-type]
    assert {directory.phone_seen, door.enter_own, charges.toggle, staff.set_role} <= found
    assert len(found) > 30
    assert not leaves_a_line(charges.of)  # type: ignore[arg-type]
    assert not leaves_a_line(door.forget_words)  # type: ignore[arg-type]


def test_the_record_has_no_room_for_what_was_written() -> None:
    kept = {column.name: getattr(column.type, "length", None) for column in audit.columns}
    assert set(kept) == {"id", "staff_id", "action", "subject", "at"}
    assert kept["subject"] <= 60
