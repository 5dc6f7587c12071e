"""The shape of the code: who may import whom, and the few habits that a reader would otherwise have to check by eye."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bot", "handlers", "storage")
FILES = sorted(path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py"))
HAND_WRITTEN = [path for path in FILES if "versions" not in path.parts]

# Who may import what of ours. The first line that fits a module counts; everything else may not be imported.
MAY_IMPORT = (
    ("bot.messages", ()),
    ("bot.problem", ()),
    ("bot.abilities", ()),
    ("bot.kinds", ()),
    ("bot.money", ()),
    ("bot.keyboards", ("bot.messages",)),
    ("bot.parts", ("bot.abilities", "bot.lengths", "bot.messages")),
    ("bot.calendar", ()),
    ("bot.office", ("bot.calendar",)),
    ("bot.pictures", ()),
    ("bot.placeholders", ("bot.alphabets",)),
    ("bot.when", ("bot.alphabets",)),
    ("bot.talks", ("bot.chat",)),
    ("bot.asking", ("bot.chat", "bot.messages", "bot.texts", "bot.when")),
    ("bot.channels", ("bot.alphabets", "bot.channels", "bot.kinds", "bot.lengths", "bot.messages", "bot.privacy")),
    # Beside the chat itself, a conversation may use what is a pure function of words.
    (
        "handlers",
        (
            *(
                "bot.abilities",
                "bot.alphabets",
                "bot.asking",
                "bot.calendar",
                "bot.chat",
                "bot.messages",
                "bot.money",
                "bot.office",
                "bot.pictures",
                "bot.placeholders",
            ),
            *("bot.privacy", "bot.talks", "bot.texts", "bot.when", "handlers", "storage"),
        ),
    ),
    (
        "storage",
        (
            *("bot.abilities", "bot.alphabets", "bot.calendar", "bot.chat", "bot.messages", "bot.money", "bot.office"),
            *("bot.lengths", "bot.placeholders", "bot.privacy", "bot.problem", "storage"),
        ),
    ),
    ("bot.app", ROOMS),
    ("bot.demo", ("bot", "storage")),
    ("bot.staff_cli", ("bot.app", "bot.problem", "bot.settings", "bot.texts", "storage")),
    ("bot.cli", ("bot.app", "bot.bootstrap", "bot.demo", "bot.problem", "bot.settings", "bot.staff_cli")),
    ("bot.__main__", ("bot.cli",)),
)
ONLY_FOR_THE_ROOT = (
    "bot.app",
    "handlers",
    "bot.channels.",
)  # any other module is handed these, and imports none of them

CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
CHANCE = {"random", "secrets", "uuid", "time"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Name every module of ours that a file imports, anywhere in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides the room it comes from"
            names = [_imported(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in ROOMS)


def _imported(parent: str, name: str) -> str:
    inside = ROOT.joinpath(*parent.split("."), name)
    return f"{parent}.{name}" if inside.is_dir() or inside.with_suffix(".py").exists() else parent


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=str)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


@each(FILES)
def test_module_imports_only_what_its_room_may(path: Path) -> None:
    name = module(path)
    rule = next((allowed for who, allowed in MAY_IMPORT if within(name, who)), None)
    if rule is None:
        wrong = [i for i in imports(path) if any(i.startswith(only) for only in ONLY_FOR_THE_ROOT)]
    else:
        wrong = [i for i in imports(path) if not any(within(i, allowed) for allowed in rule)]
    assert not wrong, f"{name} must not import {', '.join(wrong)}"


def test_rules_of_import_can_fail() -> None:
    assert _imported("bot", "messages") == "bot.messages"
    assert _imported("bot.messages", "Incoming") == "bot.messages"
    assert within("bot.channels.web", "bot.channels")
    assert not within("bot.channels_old", "bot.channels")


@each(FILES)
def test_tasks_are_started_only_in_a_task_group(path: Path) -> None:
    groups = _task_groups(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and _last_name(node.func) in ("create_task", "ensure_future"):
            owner = _last_name(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            assert owner in groups, f"{path}:{node.lineno}: a task that nobody waits for"


def _task_groups(path: Path) -> set[str]:
    """Name whatever a file binds to a TaskGroup: `async with … as`, an assignment, an annotation."""
    found = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.withitem(context_expr=made, optional_vars=ast.expr() as name) if "TaskGroup(" in ast.unparse(made):
                found.add(_last_name(name))
            case ast.Assign(targets=[name], value=made) if "TaskGroup(" in ast.unparse(made):
                found.add(_last_name(name))
            case ast.arg(arg=argument, annotation=ast.expr() as kind) if "TaskGroup" in ast.unparse(kind):
                found.add(argument)
            case ast.AnnAssign(target=name, annotation=kind) if "TaskGroup" in ast.unparse(kind):
                found.add(_last_name(name))
    return found


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def test_every_exception_is_caught_in_two_places_at_most() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and not _passes_on(node)
    ]
    assert len(found) <= 2, f"around one incoming event and around one send, and nowhere else: {found}"


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _last_name(kind) in ("Exception", "BaseException") for kind in kinds)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether it raises again what it caught: a cleaning-up, which hides nothing."""
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


@each([path for path in FILES if path.parts[0] == "handlers"])
def test_script_knows_neither_clock_nor_chance(path: Path) -> None:
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                assert not CHANCE & {alias.name.split(".")[0] for alias in names}, f"{path}:{node.lineno}"
            case ast.ImportFrom(module=str(name)):
                assert name.split(".")[0] not in CHANCE, f"{path}:{node.lineno}"
            case ast.Call(func=ast.Attribute(attr=attribute)):
                assert attribute not in CLOCKS, (
                    f"{path}:{node.lineno}: a script's outcome must not depend on when it runs"
                )


@each(HAND_WRITTEN)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno + 1 > 60]
    assert not long, f"{path}: {long}"


@each(HAND_WRITTEN)
def test_no_file_is_longer_than_500_lines(path: Path) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= 500


@each(HAND_WRITTEN)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@each(HAND_WRITTEN)
def test_public_function_and_class_says_what_it_means(path: Path) -> None:
    silent = [name for name, node in _public(tree(path)) if not ast.get_docstring(node)]
    assert not silent, f"{path}: {silent}"


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(
    node: ast.Module | ast.ClassDef, inherited: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Definition]]:
    """Name what other modules may use, without methods whose contract is explained where it is declared."""
    for child in node.body:
        if not isinstance(child, Definition) or child.name.startswith("_") or child.name in inherited:
            continue
        yield child.name, child
        if isinstance(child, ast.ClassDef):
            yield from _public(child, _explained_elsewhere())


@cache
def _explained_elsewhere() -> frozenset[str]:
    """Name the methods that a Protocol or a class with abstract methods of ours explains."""
    classes = (node for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))
    contracts = [node for node in classes if any(_last_name(base) in ("Protocol", "ABC") for base in node.bases)]
    return frozenset(
        method.name
        for contract in contracts
        for method in contract.body
        if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(method)
    )
