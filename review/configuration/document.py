"""A document of YAML 1.2 or JSON, read to plain data with the place of every value.

YAML 1.2 because in 1.1 the label `no` is a boolean. Anchors, tags, merge keys and duplicate keys are refused: a
configuration says what it says where one reads it.
"""

import math
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.yaml_words import YAML_WORDS
from review.kernel.sentences import say

MAX_BYTES = 1024 * 1024
MAX_NODES = 50_000
MAX_DEPTH = 60
MAX_INTEGER = 2**53 - 1  # as in submissions: beyond it readers round (RFC 7493, section 2)

_CORE = "tag:yaml.org,2002:"
_TEXT = f"{_CORE}str"
_CHANGES = "escalation_policies."  # below it a number with a plus is a change, and keeps it
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
_TAGS = frozenset(_CORE + kind for kind in _KINDS)


class Place(msgspec.Struct, frozen=True):
    """Where something stands in a text; line and column count from 1."""

    line: int
    column: int


class Document(msgspec.Struct, frozen=True):
    """A document's text, its plain data, where each path stands, and between which offsets each scalar is written."""

    source: str
    data: dict[str, Any]
    places: dict[str, Place] = {}
    spans: dict[str, tuple[int, int]] = {}

    def fault(self, path: str, message: str) -> ConfigError:
        """Make a fault at a path, or at the nearest thing above it that is there."""
        at = path
        while at not in self.places and at:
            at = _above(at)
        place = self.places.get(at, Place(1, 1))
        return ConfigError(path, message, place.line, place.column)

    def fault_within(self, path: str, text: str, offset: int, message: str) -> ConfigError:
        """Make a fault at an offset within the text that stands at a path.

        Where the text is not written as it reads (folded, or with escapes), the fault is at its beginning.
        """
        if path not in self.spans:
            return self.fault(path, message)
        start, end = self.spans[path]
        at = _offset_of(self.source[start:end], text, offset)
        place = _place(self.source, start + (at or 0))
        return ConfigError(path, message, place.line, place.column)


def parse(source: bytes | str, *, wanted: str = "`project`, `item_types`, `pools` and `rules`") -> Document:
    """Read a document; `wanted` names what it must hold, for whoever sends something else.

    Raises:
        ConfigurationInvalid: it is too large, not YAML, or uses what is refused; with the line (422).
    """
    text = _decoded(source)
    node = _compose(text)
    if not _is(node, MappingNode):
        _refuse(say("must be a mapping with %(keys)s", keys=wanted))
    reader = _Reader()
    data = reader.read(node, "", 0)
    if reader.faults:
        raise ConfigurationInvalid(reader.faults)
    return Document(text, data, reader.places, reader.spans)


def _decoded(source: bytes | str) -> str:
    try:
        raw = source.encode() if isinstance(source, str) else source
        if len(raw) > MAX_BYTES:
            _refuse(say("is larger than %(most)s bytes", most=MAX_BYTES))
        return raw.decode("utf-8-sig")
    except UnicodeEncodeError:
        _refuse(say("holds half of a surrogate pair, which is not text"))
    except UnicodeDecodeError as fault:
        _refuse(say("byte %(at)s is not UTF-8", at=fault.start))


def _compose(text: str) -> Any:
    loader: Any = YAML(typ="safe", pure=True)
    try:
        return loader.compose(text)
    except RecursionError:
        _refuse(say("is nested deeper than %(most)s levels", most=MAX_DEPTH))
    except (YAMLError, ValueError) as fault:
        _refuse(*_described(fault, text))


def _described(fault: Any, text: str) -> tuple[str, Place]:
    if _is(fault, ReaderError):
        return say("holds a character that YAML does not allow"), _place(text, fault.position)
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
    told = getattr(fault, "problem", None) or getattr(fault, "context", None) or str(fault).split("\n", 1)[0]
    return say("is no YAML: %(why)s", why=YAML_WORDS.of(told)), place


class _Reader:
    """One walk over the nodes, filling the places and the faults."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        self.faults: list[ConfigError] = []
        self._count = 0

    def read(self, node: Any, path: str, depth: int) -> Any:
        self._count += 1
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.places.setdefault(path, place)
        if self._count > MAX_NODES:
            _refuse(say("has more than %(most)s values", most=MAX_NODES), place)
        if depth > MAX_DEPTH:
            _refuse(say("is nested deeper than %(most)s levels", most=MAX_DEPTH), place)
        # An alias is the very node that bears the anchor, so this finds both, and no walk meets one node twice.
        if node.anchor is not None:
            return self._fault(path, say("uses an anchor or alias; write the value out"), node, at_key=True)
        if str(node.tag) not in _TAGS:
            return self._fault(path, say("has the tag %(tag)s; tags are refused", tag=node.tag), node)
        if _is(node, MappingNode):
            return self._mapping(node, path, depth)
        if _is(node, SequenceNode):
            return [self.read(each, f"{path}[{at}]", depth + 1) for at, each in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            below = f"{path}.{key}" if path else key
            if key in found:
                self._fault(below, say("appears twice"), key_node)
                continue
            self.places[below] = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            found[key] = self.read(value_node, below, depth + 1)
        return found

    def _key(self, node: Any, path: str) -> str | None:
        self._count += 1
        if not _is(node, ScalarNode) or node.anchor is not None or str(node.tag) not in _TAGS:
            self._fault(path, say("has a key that is not plain text"), node)
            return None
        if str(node.tag) == f"{_CORE}merge" and node.style is None:
            self._fault(path, say("uses a merge key; write the values out"), node)
            return None
        key = _text(node.value)
        if key is None or not key:
            self._fault(path, say("has a key that is empty or not text"), node)
        return key or None

    def _scalar(self, node: Any, path: str) -> Any:
        text = _text(node.value)
        if text is None:
            return self._fault(
                path, say("holds a NUL character or half of a surrogate pair, which cannot be stored"), node
            )
        self.spans[path] = (node.start_mark.index, node.end_mark.index)
        if node.style is not None:
            if str(node.tag) != _TEXT:
                return self._fault(path, say("has the tag %(tag)s; tags are refused", tag=node.tag), node)
            return text
        # `priority: +20` says how much more, which the core schema would read as the number 20.
        is_text = str(node.tag) == _TEXT or (text.startswith("+") and path.startswith(_CHANGES))
        value = text if is_text else _plain(text)
        if isinstance(value, float) and not math.isfinite(value):
            return self._fault(path, say("is not a finite number"), node)
        if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
            return self._fault(path, say("is an integer beyond 2**53, which many readers round; quote it"), node)
        return value

    def _fault(self, path: str, message: str, node: Any, *, at_key: bool = False) -> None:
        mark = node.start_mark
        place = self.places[path] if at_key else Place(mark.line + 1, mark.column + 1)
        self.faults.append(ConfigError(path, message, place.line, place.column))


def _is(node: object, kind: type[object]) -> bool:
    """Tell a node's kind; the library's nodes carry no types that a checker could narrow to."""
    return isinstance(node, kind)


def _text(value: str) -> str | None:
    """Join surrogate pairs, which JSON writes as two escapes; None for what cannot be stored."""
    if "\0" in value:
        return None
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _plain(text: str) -> Any:
    """Read an unquoted scalar by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text.lower() == "true"
    if text.lower() in {".inf", "-.inf", "+.inf", ".nan"}:
        return math.inf
    if text[0] not in "+-.0123456789" or "_" in text or not text.isascii():
        return text
    for base, mark in ((8, "0o"), (16, "0x")):
        if text.startswith(mark):
            return _number(text[2:], base) if text[2:].isalnum() else text
    return _number(text, 10)


def _number(text: str, base: int) -> int | float | str:
    try:
        return int(text, base)
    except ValueError:
        pass
    try:
        return float(text) if base == 10 else text
    except ValueError:
        return text


def _above(path: str) -> str:
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else ""


def _place(text: str, offset: int) -> Place:
    begin = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - begin + 1)


def _offset_of(written: str, text: str, offset: int) -> int | None:
    """Find where an offset of a text is in the way it is written, or None if that cannot be told."""
    start = written.find(text) if "\n" not in text else -1
    if start >= 0:
        return start + offset
    number, column = text.count("\n", 0, offset), offset - (text.rfind("\n", 0, offset) + 1)
    for at, (line, begin) in enumerate(_block_lines(written)):
        if at == number and line == text.split("\n")[number]:
            return begin + column
    return None


def _block_lines(written: str) -> Iterator[tuple[str, int]]:
    """Give the lines of a literal block behind its `|`, without their indentation, each with its offset."""
    lines = written.split("\n")
    if not written.startswith("|") or len(lines) < 2:
        return
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    begin = len(lines[0]) + 1
    for line in lines[1:]:
        yield line[indent:], begin + min(indent, len(line))
        begin += len(line) + 1


def _refuse(message: str, place: Place | None = None) -> NoReturn:
    at = place or Place(1, 1)
    raise ConfigurationInvalid([ConfigError("", message, at.line, at.column)])
