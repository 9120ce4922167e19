"""What is documented is what is there: codes, settings, events, keys, routes, commands, links."""

import importlib
import pkgutil
import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

import review
from review.cli.main import main
from review.configuration.document import parse
from review.configuration.rules import LATER_IN_POOLS, TOP, compile_config
from review.feedback.rules import FeedbackRecord, Route
from review.identity.rules import Permission
from review.intake.rules import prepare, routed
from review.kernel import strict_json
from review.kernel.errors import ReviewError
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from review.web.api.codes import ELSEWHERE, error_codes
from review.web.guards import PERMISSION, PUBLIC, key_guard, session_guard
from tests.conftest import OF_TESTS, built_app
from tests.house.source import REPOSITORY

DOCS = REPOSITORY / "docs"
ADRS = sorted((DOCS / "adr").glob("[0-9]*.md"))
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md"), *REPOSITORY.glob("client/*.md")])
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "Check"]

# Codes that no class of ours stands for: what the framework refuses, and what nobody expected.
ANY_ROLE = "any_role"  # opt key of a page that asks for a signed-in person and no more
# Litestar's own routes for the schema that /api/openapi.json is made of.
OF_LITESTAR = "/api/schema"


def page(name: str) -> str:
    return (REPOSITORY / name).read_text()


def rows(text: str) -> Iterator[list[str]]:
    """Give the cells of every table row whose first cell is code, without the backticks around that."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) > 1:
            yield [cells[0].strip("`"), *cells[1:]]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@cache
def app() -> Litestar:
    return built_app(OF_TESTS)


def handlers() -> list[tuple[str, HTTPRouteHandler]]:
    """List every handler that was written here, with its path."""
    found = [
        (f"{' '.join(sorted(handler.http_methods))} {route.path_format}", handler)
        for route in app().routes
        for handler in getattr(route, "route_handlers", ())
        if "OPTIONS" not in handler.http_methods and not route.path.startswith(OF_LITESTAR)
    ]
    return sorted(found, key=lambda each: each[0])  # Litestar's own order differs from process to process


def errors_of_commands() -> set[type[ReviewError]]:
    """Give the refusals that only the command line speaks."""
    found, seen = [ReviewError], set[type[ReviewError]]()
    while found:
        each = found.pop()
        found += each.__subclasses__()
        if each.__module__.startswith(ELSEWHERE):
            seen.add(each)
    return seen


def test_every_error_code_is_documented_with_its_status_and_nothing_else_is() -> None:
    for package in pkgutil.iter_modules(review.__path__):
        for module in pkgutil.iter_modules([f"{review.__path__[0]}/{package.name}"]):
            if module.name == "errors":  # a code is known once its class is imported
                importlib.import_module(f"review.{package.name}.errors")
    known = {each.code: str(each.status) for each in error_codes()}
    assert "lease_lost" in known
    of_commands = {each.code: str(each.status) for each in errors_of_commands()}
    assert {row[0]: row[1] for row in rows(page("docs/errors.md"))} == known | of_commands


def test_error_codes_stand_in_alphabetical_order() -> None:
    for section in page("docs/errors.md").split("\n## ")[1:]:
        codes = [row[0] for row in rows(section)]
        assert codes == sorted(codes)


def test_every_setting_is_documented_with_its_default_and_nothing_else_is() -> None:
    defaults = {f"REVIEW_{each.name.upper()}": _shown(each.default) for each in msgspec.structs.fields(Settings)}
    assert {row[0]: row[1] for row in rows(page("docs/settings.md"))} == defaults


def _shown(default: object) -> str:
    if default in (None, "", ()):
        return "–"
    if isinstance(default, timedelta):
        default = f"{default.total_seconds():.10g}"
    return f"`{default}`".lower()


def test_every_event_is_documented_and_nothing_else_is() -> None:
    assert [row[0] for row in rows(page("docs/events.md"))] == [kind.value for kind in EventKind]


def test_every_field_of_a_feedback_record_is_documented_in_its_order_and_nothing_else_is() -> None:
    section = page("docs/feedback.md").split("\n## ")[1]
    shown = [name for row in rows(section) for name in re.findall(r"^\w+|(?<=, )\w+", row[0].replace("`", ""))]
    assert list(dict.fromkeys(shown)) == list(FeedbackRecord.__struct_fields__)
    assert {f"route.{name}" for name in Route.__struct_fields__} <= set(re.findall(r"`([\w.]+)`", section))


def test_every_key_of_the_configuration_has_its_section_and_nothing_else_has() -> None:
    text = page("docs/configuration.md")
    assert set(re.findall(r"^## `(\w+)`$", text, flags=re.MULTILINE)) == set(TOP)
    later = text.split("## Not in this version")[1]
    assert set(re.findall(r"`(\w+)`", later)) == set(LATER_IN_POOLS)


def test_the_conditions_in_the_documentation_compile() -> None:
    (block,) = [block for block in blocks(page("docs/configuration.md"), "yaml") if block.startswith("when:")]
    conditions: list[str] = re.findall(r"^when: ('.*?')(?:\s+#.*)?$", block, flags=re.MULTILINE)
    assert len(conditions) == len(block.splitlines()) > 3
    for condition in conditions:
        types = "{refund: {input_schema: true, output_schema: true}}"
        rule = f"{{name: shown, when: {condition}, then: {{approve: true}}}}"
        compile_config(parse(f"project: p\nitem_types: {types}\npools: {{x: {{}}}}\nrules: [{rule}]\n"))


def test_the_example_configuration_takes_the_items_of_the_documentation() -> None:
    config = compile_config(parse((DOCS / "support.yaml").read_bytes()))
    for name in ("README.md", "docs/api.md"):
        sent: list[str] = re.findall(r"/items\S* .*? -d '(\{.*?\})'", page(name), flags=re.DOTALL)
        submitted = [each for each in sent if '"type"' in each]
        assert submitted, f"{name} shows no submission"
        for body in submitted:
            item = routed(prepare(strict_json.decode(body.encode()), config, idempotency_key=None))
            assert item.route.rule == "low-confidence"


def test_there_are_routes_to_look_at() -> None:
    assert {"POST /api/v1/items", "GET /p/{project}", "GET /healthz"} <= {path for path, _ in handlers()}


def test_every_route_asks_for_one_permission_or_is_public_on_purpose() -> None:
    for path, handler in handlers():
        marks = [mark for mark in (PERMISSION, PUBLIC, ANY_ROLE) if handler.opt.get(mark)]
        assert len(marks) == 1, f"{path} has {marks or 'no mark'}: give its opt a permission, or make it public"
        if marks == [PERMISSION]:
            assert handler.opt[PERMISSION] in set(Permission), path
        else:
            assert not path.partition(" ")[2].startswith(("/api/v1", "/p/")), f"{path} is a project's and must ask"
        if marks != [PUBLIC]:
            assert {key_guard, session_guard} & set(handler.resolve_guards()), f"{path} has no guard"


def test_every_route_says_what_it_does() -> None:
    silent = [path for path, handler in handlers() if not (handler.fn.__doc__ or "").strip()]
    assert {path.rpartition(" ")[2] for path in silent} == {"/static/{file_path}"}, (
        "a docstring is the description at /api"
    )


def commands(group: click.Group = main, before: str = "review") -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield f"{before} {name}", command
            if isinstance(command, click.Group):
                yield from commands(command, f"{before} {name}")


def test_commands_in_the_documentation_exist_with_their_options() -> None:
    known = dict(commands())
    for document, line in ((each, line) for each in PAGES for line in _command_lines(each.read_text())):
        where, words = f"{document.relative_to(REPOSITORY)}: `{line}`", line.split()
        names = [" ".join(words[:count]) for count in (3, 2)]
        name = next((each for each in names if each in known), None)
        assert name is not None, f"{where}: there is no such command"
        options = {option for each in known[name].params for option in (*each.opts, *each.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}, where


def _command_lines(text: str) -> Iterator[str]:
    """Find what is typed: `review …` in code, with the lines that a backslash joins, up to a pipe or a comment."""
    code = "\n".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    code += re.findall(r"`(review [^`]+)`", text)
    for line in code:
        for typed in re.findall(r"(?:^|[ (|])(review [a-z][^|#;)]*)", line.split("#")[0]):
            yield re.sub(r"[…,].*", "", typed)


def test_make_targets_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), flags=re.MULTILINE))
    for document in PAGES:
        text = document.read_text()
        typed: set[str] = set(re.findall(r"`make ([a-z]+)`", text))
        typed |= set(re.findall(r"^make ([a-z]+)", "\n".join(blocks(text, "sh")), flags=re.MULTILINE))
        assert typed <= targets, document


def test_each_decision_has_its_headings_and_its_place_in_the_list() -> None:
    listed = page("docs/adr/README.md")
    for adr in ADRS:
        text = adr.read_text()
        title = text.splitlines()[0]
        assert title.startswith(f"# {adr.stem[:4]}: "), adr.name
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SECTIONS, adr.name
        sections = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
        assert all(section.strip() for section in sections), adr.name
        assert "`" in sections[-1], f"{adr.name}: the check names what enforces it"
        assert f"[{adr.stem[:4]}]({adr.name}) | {title.partition(': ')[2]} |" in listed, adr.name


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(adr.stem[:4]) for adr in ADRS] == list(range(1, len(ADRS) + 1))
    assert len(ADRS) > 10


def test_links_and_paths_lead_somewhere() -> None:
    for document in PAGES:
        text = document.read_text()
        missing = [
            target
            for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
            if not (document.parent / target).exists()
        ]
        paths = re.findall(r"`((?:benchmarks|docs|migrations|review|tests|workers)/[\w./-]+)`", text)
        missing += [path for path in paths if not (REPOSITORY / path).exists()]
        assert not missing, document


def test_architecture_names_every_package() -> None:
    named: set[Any] = set(re.findall(r"\b[a-z]+\b", blocks(page("ARCHITECTURE.md"), "")[0]))
    assert named >= {each.name for each in pkgutil.iter_modules(review.__path__)}


def test_documents_name_no_package_index_and_no_machine() -> None:
    places = (re.escape(f"{parent}/") for parent in (REPOSITORY, Path.home(), Path(tempfile.gettempdir())))
    pattern = re.compile("|".join(["pip install countersign", "--index-url", *places]))
    assert {document: pattern.findall(document.read_text()) for document in PAGES} == {each: [] for each in PAGES}
