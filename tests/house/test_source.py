"""House rules that no linter knows: sizes, names, who commits, who reads the clock."""

import ast
import re

from tests.house.source import ALL, REPOSITORY, SHIPPED, calls_in, name_of, python_files, tree_of

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 50
MEANINGLESS_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "base"}

# A check switched off for a line; the reason stands behind it, in two words at least that say more than where to look.
IGNORED = re.compile(
    r"# (fmt: skip|noqa(: [A-Z0-9]+(, ?[A-Z0-9]+)*)?|type: ignore(\[[^]]*\])?|pyright: ignore(\[[^]]*\])?)"
)

POINTERS = {"the same", "as above", "see above"}

COMMITS_IN = {"review/kernel/db.py"}
READS_THE_CLOCK_IN = {"review/kernel/clock.py"}
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}


def test_there_is_source_to_look_at() -> None:
    found = {name_of(path) for path in python_files(*ALL)}
    assert found >= COMMITS_IN | READS_THE_CLOCK_IN


def test_files_stay_small() -> None:
    lines = {name_of(path): path.read_text().count("\n") for path in python_files(*ALL)}
    long = [f"{name} has {count} lines" for name, count in lines.items() if count > MOST_LINES_IN_A_FILE]
    assert not long, f"{long}: split them by what they do"


def test_functions_stay_small() -> None:
    long = [
        f"{name_of(path)}:{node.lineno} {node.name} has {length} lines"
        for path in python_files(*ALL)
        if path.parent != REPOSITORY / "migrations" / "versions"  # whose upgrade() is one long list of tables
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_IN_A_FUNCTION
    ]
    assert not long


def test_whatever_is_ignored_carries_its_reason() -> None:
    said = [
        (f"{name_of(path)}:{at}", line[mark.end() :].strip(" #-"))
        for path in python_files(*ALL)
        for at, line in enumerate(path.read_text().splitlines(), 1)
        for mark in IGNORED.finditer(line)
    ]
    bare = [where for where, reason in said if len(reason.split()) < 2 or reason in POINTERS]
    assert said
    assert not bare, f"{bare}: say behind it why this is let pass"


def test_names_mean_something() -> None:
    bad = [name_of(path) for path in python_files(*ALL) if {path.stem, path.parent.name} & MEANINGLESS_NAMES]
    assert not bad, f"{bad}: name a module after what it holds"


def test_every_module_says_what_it_is_in_one_sentence() -> None:
    silent = [
        name_of(path)
        for path in python_files(*SHIPPED)
        if not (text := (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]) or not text.endswith((".", "`"))
    ]
    assert not silent, f"{silent}: begin with one sentence that ends in a full stop"


def test_only_the_kernel_commits() -> None:
    committing = {
        name_of(path)
        for path in python_files("review", "workers")
        for call in calls_in(tree_of(path))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"
    }
    assert committing == COMMITS_IN, "a use case flushes; Database.transaction() commits"


def test_only_the_clock_module_reads_the_clock() -> None:
    reading = {
        name_of(path)
        for path in python_files("review", "workers")
        for call in calls_in(tree_of(path))
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name | ast.Attribute)
        and (_last_name(call.func.value), call.func.attr) in CLOCKS
    }
    assert reading == READS_THE_CLOCK_IN, "decisions go by the database's clock; people are shown kernel.clock"


def test_the_clock_functions_are_not_imported_by_name() -> None:
    """`from time import time` would slip past the test above."""
    named = {
        name_of(path)
        for path in python_files("review", "workers")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and any(alias.name not in {"monotonic", "monotonic_ns", "perf_counter"} for alias in node.names)
    }
    assert not named


def _last_name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
