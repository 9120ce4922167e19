"""Refusals that pages show are sentences of the catalogue: where they are raised, their words are given to `say`."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.source import REPOSITORY, name_called, name_of, python_files, tree_of

# The packages whose refusals are sentences. Whoever has made them so in another one adds it here.
HELD = (
    "review/assurance",
    "review/bulk",
    "review/configuration",
    "review/datasets",
    "review/decisions",
    "review/delivery/notifications",
    "review/delivery/webhooks",
    "review/escalation",
    "review/feedback",
    "review/identity",
    "review/insight",
    "review/intake",
    "review/items",
    "review/queueing",
    "review/registry",
    "review/rehearsal",
    "review/reviewing",
    "review/rollout",
    "review/routing",
    "review/sla",
    "review/web",
)
# What is never on a page stays English where it is raised.
KEPT = {
    "review/configuration/providers.py": "read when a process starts, and told to whoever started it",
    "review/escalation/simulation": "what the command line reads and says",
    "review/web/api": "answers to programs alone",
    "review/web/parameters.py": "the same: pages pass over what they do not know in an address",
}
OF_A_PLACE = {"FieldError", "ConfigError"}  # they begin with where it is
CHECKS = {"checks", "self._checks"}  # what collects the faults of a document, each with its place


def _is_held(name: str) -> bool:
    return not any(name == kept or name.startswith(f"{kept}/") for kept in KEPT)


@cache
def _errors() -> set[str]:
    """Name the classes of refusals, those of one field among them."""
    bases = {
        node.name: {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases}
        for path in python_files("review")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }
    found = {"ReviewError", "FieldError", "ConditionInvalid", "EvaluationFailed", "SchemaInvalid"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def _message_of(call: ast.Call, within: str) -> ast.expr | None:
    """Give the message of a refusal that is made here, or of the class that a refusal's own `__init__` is in."""
    called = name_called(call)
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in CHECKS:
        return call.args[-1] if called in {"add", "add_within", "known"} else None
    if called == "__init__" and within in _errors():
        return call.args[0] if call.args else None
    if called not in _errors():
        return None
    named = [each.value for each in call.keywords if each.arg == "message"]
    at = 1 if called in OF_A_PLACE else 0
    return next(iter([*named, *call.args[at : at + 1]]), None)


def _bare(node: ast.expr, known: dict[str, list[ast.expr]]) -> Iterator[ast.expr]:
    """Find the texts that a message may be, through the name it was given and the cases it was chosen from."""
    if isinstance(node, ast.Name):
        for given in known.get(node.id, ()):
            yield from _bare(given, {})
    elif isinstance(node, ast.IfExp):
        yield from _bare(node.body, known)
        yield from _bare(node.orelse, known)
    elif isinstance(node, ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and node.value not in {"", None}
    ):
        yield node


def _unsaid(tree: ast.Module) -> Iterator[tuple[int, str]]:
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    owner = {id(inner): each.name for each in classes for inner in ast.walk(each)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        known: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                known.setdefault(node.targets[0].id, []).append(node.value)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and (message := _message_of(node, owner.get(id(node), ""))) is not None:
                yield from ((each.lineno, ast.unparse(each)[:80]) for each in _bare(message, known))


@pytest.mark.parametrize("package", HELD)
def test_refusals_can_be_said_in_another_language(package: str) -> None:
    """A plain text is English for good: `say("… %(pool)s …", pool=pool)` is the same with a way to translate it."""
    found = [
        f"{name_of(path)}:{line} {text}"
        for path in python_files(package)
        if _is_held(name_of(path))
        for line, text in _unsaid(tree_of(path))
    ]
    assert found == []


def test_plain_texts_are_found() -> None:
    source = """
def refuse(pool):
    message = f"There is no {pool}." if pool else "There is none."
    raise NotFound(message, errors=(FieldError("pool", "is missing"), FieldError("pool", say("is %(it)s", it=pool))))
    checks.add("pool", f"is no {pool}")
"""
    found = sorted(text for _, text in _unsaid(ast.parse(source)))
    assert found == ["'There is none.'", "'is missing'", "f'There is no {pool}.'", "f'is no {pool}'"]


def test_what_is_kept_in_english_is_there() -> None:
    assert [each for each in KEPT if not (REPOSITORY / each).exists()] == []
