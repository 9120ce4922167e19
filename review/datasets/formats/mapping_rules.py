"""What a template of a record may say, and which of the names in it no record has; nothing of it is run here."""

from collections.abc import Iterator, Sequence
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes

from review.datasets.errors import RenderingInvalid
from review.datasets.formats.arrow import Field, Schema, pa
from review.datasets.formats.decoding import is_json
from review.kernel.errors import FieldError
from review.kernel.sentences import Sentence, say

MOST_DEPTH: Final = 50
LOOP: Final = ("index", "index0", "first", "last", "length")
TESTS: Final = ("defined", "undefined", "none", "string", "number", "mapping", "sequence", "boolean", "true", "false")

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Getitem, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.CondExpr, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
)


def parsed(environment: Environment, source: str) -> nodes.Template:
    """Read a template.

    Raises:
        RenderingInvalid: it cannot be read (422).
    """
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as fault:
        what = say("cannot be read in line %(line)s: %(fault)s", line=fault.lineno, fault=fault.message)
        raise refused(what) from fault
    except RecursionError as fault:
        what = say("is nested too deeply")
        raise refused(what) from fault
    if not tree.body:
        what = say("is missing")
        raise refused(what)
    return tree


def check(tree: nodes.Template, columns: Schema, filters: Sequence[str]) -> None:
    """Refuse what a template may not say, and the names of what is not there.

    Raises:
        RenderingInvalid: with the places of what is missing (422).
    """
    faults: dict[str, FieldError] = {}
    for node, depth, bound in _walk(tree, 0, frozenset()):
        if what := _fault_of(node, depth, filters):
            raise refused(what)
        if (path := _path(node)) and path[0] not in bound and (missing := _missing(path, columns)):
            faults[missing] = FieldError(missing, say("is not in the snapshot"))
    if faults:
        message = say("The template names what the snapshot does not have; nothing was read. Mend what is named below.")
        raise RenderingInvalid(message, errors=tuple(faults[path] for path in sorted(faults)))


def refused(what: Sentence) -> RenderingInvalid:
    """Give the refusal of a template."""
    message = say("The template cannot be used, so nothing was read. Mend what is named below.")
    return RenderingInvalid(message, errors=(FieldError("template", what),))


def _fault_of(node: nodes.Node, depth: int, filters: Sequence[str]) -> Sentence | None:
    if depth > MOST_DEPTH:
        return say("is nested too deeply")
    if not isinstance(node, _ALLOWED):
        return say("says in line %(line)s what it may not: %(what)s", line=node.lineno, what=_named(node))
    if isinstance(node, nodes.Filter) and node.name not in filters:
        return say(
            "names no filter that there is: %(name)s, and not %(names)s", name=node.name, names=", ".join(filters)
        )
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return say("names no test that there is: %(name)s, and not %(names)s", name=node.name, names=", ".join(TESTS))
    return None


def _named(node: nodes.Node) -> str:
    """Say what a user wrote where the tree has this."""
    kind = type(node).__name__
    return {"Assign": "set", "Concat": "~"}.get(kind, kind.lower())


def _walk(node: nodes.Node, depth: int, bound: frozenset[str]) -> Iterator[tuple[nodes.Node, int, frozenset[str]]]:
    """Give every node, with the names that loops around it bind."""
    yield node, depth, bound
    if not isinstance(node, nodes.For):
        for each in node.iter_child_nodes():
            yield from _walk(each, depth + 1, bound)
        return
    names = {each.name for each in (node.target, *node.target.find_all(nodes.Name)) if isinstance(each, nodes.Name)}
    inner = bound | names | {"loop"}
    for each in (node.iter, *node.else_):
        yield from _walk(each, depth + 1, bound)
    for each in (node.target, *node.body, *([node.test] if node.test else [])):
        yield from _walk(each, depth + 1, inner)


def _path(node: nodes.Node) -> list[str]:
    """Give the names from a column to a field, of a chain of names; nothing for what is none."""
    if isinstance(node, nodes.Name):
        return [node.name]
    if isinstance(node, nodes.Getattr):
        before = _path(node.node)
        return [*before, node.attr] if before else []
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = _path(node.node)
        return [*before, node.arg.value] if before else []
    return []


def _missing(path: list[str], columns: Schema) -> str:
    """Give the first part of a path that no record has, or nothing; what is JSON text may have any."""
    fields: list[Field] = list(columns)
    for at, name in enumerate(path):
        field = next((each for each in fields if each.name == name), None)
        if field is None:
            return ".".join(path[: at + 1])
        if is_json(field):
            return ""
        fields = list(field.type) if pa.types.is_struct(field.type) else []
    return ""
