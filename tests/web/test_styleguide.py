"""The style guide shows every component, and of each component every state that its template tells apart."""

import re
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest
from jinja2 import Environment, nodes

from review.kernel.resources import static_dir, templates_dir
from review.web.pages import styleguide
from review.web.pages.environment import build_environment

COMPONENTS = sorted(path.relative_to(templates_dir()).as_posix() for path in templates_dir().glob("components/*.html"))


@pytest.fixture(scope="module")
def environment() -> Environment:
    return build_environment(templates_dir(), static_dir())


@pytest.fixture(scope="module")
def drawn(environment: Environment) -> dict[str, set[int]]:
    """The lines of each compiled component that drawing the style guide runs through."""
    ran: dict[str, set[int]] = {name: set() for name in COMPONENTS}
    files = {str(templates_dir() / name): name for name in COMPONENTS}

    def trace(frame: FrameType, event: str, _given: Any) -> Any:
        name = files.get(frame.f_code.co_filename)
        if name is None:
            return None
        if event == "line":
            ran[name].add(frame.f_lineno)
        return trace

    page: Any = styleguide.styleguide.fn()
    template = environment.get_template(page.template_name)
    for name in COMPONENTS:
        environment.get_template(name)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        template.render(page.context)
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_state_of_a_component_is_on_the_style_guide(
    environment: Environment, drawn: dict[str, set[int]], name: str
) -> None:
    """Each line of what the template compiles to: each macro, each branch of an `if`, each turn of a loop."""
    template = environment.get_template(name)
    source, filename, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]  # it has one
    macros = [code for code in codes(environment.compile(source, name, filename)) if code.co_name == "macro"]
    assert len(macros) == len(list(environment.parse(source).find_all(nodes.Macro))) > 0
    python = str(environment.compile(source, name, filename, raw=True)).splitlines()
    lines = {line for code in macros for each in codes(code) for _, _, line in each.co_lines() if line}
    own = {line for line in lines if "is missing" not in python[line - 2]}  # what stands for an argument left out
    unseen = re.compile(r"^ *pass$|autofocus")  # where the focus goes is nothing to look at
    seen = {line for line in own if not unseen.search(python[line - 1]) and "autofocus" not in python[line]}
    body = seen - {code.co_firstlineno for code in macros}
    missing = sorted({template.get_corresponding_lineno(line) for line in body - drawn[name]})
    shown = source.splitlines()
    assert not missing, "\n".join(f"{name}:{line}: {shown[line - 1].strip()}" for line in missing)


def codes(code: CodeType) -> Iterator[CodeType]:
    """Give a code object and all within it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes(each)
