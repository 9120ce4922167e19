"""A document of YAML 1.2 or JSON, read to plain data with the place of every value.

YAML 1.2 because in 1.1 the label `no` is a boolean. Anchors, tags and duplicate keys are refused: a configuration
says what it says where one reads it.
"""

import math
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from review.configuration.errors import ConfigError, ConfigurationInvalid

MAX_BYTES = 1024 * 1024
MAX_NODES = 50_000
MAX_DEPTH = 60

Place = tuple[int, int]
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp"))


class Document(msgspec.Struct, frozen=True):
    """A document's text, its plain data, and where each path stands: line and column, from 1."""

    source: str
    data: dict[str, Any]
    places: dict[str, Place]

    def fault(self, path: str, message: str) -> ConfigError:
        """Make a fault at a path, or at the nearest thing above it that is there."""
        at = path
        while at not in self.places and at:
            at = _above(at)
        line, column = self.places.get(at, (1, 1))
        return ConfigError(path, message, line, column)


def parse(source: bytes | str) -> Document:
    """Read a document.

    Raises:
        ConfigurationInvalid: it is too large, not YAML, or uses what is refused; with the line (422).
    """
    raw = source.encode() if isinstance(source, str) else source
    if len(raw) > MAX_BYTES:
        raise ConfigurationInvalid([ConfigError("", f"is larger than {MAX_BYTES} bytes", 1, 1)])
    try:
        text = raw.decode("utf-8")
        node = YAML(typ="rt", pure=True).compose(text)
    except UnicodeDecodeError as fault:
        raise ConfigurationInvalid([ConfigError("", f"byte {fault.start} is not UTF-8", 1, 1)]) from fault
    except (MarkedYAMLError, ComposerError) as fault:
        raise ConfigurationInvalid([_marked(fault)]) from fault
    except RecursionError as fault:
        raise ConfigurationInvalid([ConfigError("", f"is nested deeper than {MAX_DEPTH} levels", 1, 1)]) from fault
    except (YAMLError, ValueError) as fault:
        raise ConfigurationInvalid([ConfigError("", str(fault).split("\n", 1)[0] or "is no YAML", 1, 1)]) from fault
    if not isinstance(node, MappingNode):
        raise ConfigurationInvalid([ConfigError("", "must be a mapping with `project`, `item_types` and so on", 1, 1)])
    reader = _Reader()
    data = reader.read(node, "", 0)
    if reader.faults:
        raise ConfigurationInvalid(reader.faults)
    return Document(text, data, reader.places)


class _Reader:
    """One walk over the nodes, filling the places and the faults."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.faults: list[ConfigError] = []
        self._count = 0
        self._seen: set[int] = set()

    def read(self, node: Node, path: str, depth: int) -> Any:
        mark = node.start_mark
        line, column = mark.line + 1, mark.column + 1
        self.places.setdefault(path, (line, column))
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            message = f"has more than {MAX_NODES} values or {MAX_DEPTH} levels"
            raise ConfigurationInvalid([ConfigError(path, message, line, column)])
        if id(node) in self._seen or node.anchor is not None:
            self.faults.append(ConfigError(path, "uses an anchor or alias; write the value out", line, column))
            return None
        self._seen.add(id(node))
        if str(node.tag) not in _PLAIN_TAGS:
            self.faults.append(ConfigError(path, f"has the tag {node.tag}; tags are refused", line, column))
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.read(each, f"{path}[{at}]", depth + 1) for at, each in enumerate(node.value)]
        return self._scalar(node, path, line, column)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                self.faults.append(ConfigError(path, "has a key that is not text", mark.line + 1, mark.column + 1))
                continue
            below = f"{path}.{key}" if path else key
            if key in found:
                self.faults.append(ConfigError(below, "appears twice", mark.line + 1, mark.column + 1))
                continue
            self.places[below] = (mark.line + 1, mark.column + 1)
            found[key] = self.read(value_node, below, depth + 1)
        return found

    def _scalar(self, node: Any, path: str, line: int, column: int) -> Any:
        if "\0" in node.value:
            self.faults.append(ConfigError(path, "holds a NUL character", line, column))
            return None
        if node.style is not None:
            return node.value
        value = _plain(node.value)
        if isinstance(value, float) and not math.isfinite(value):
            self.faults.append(ConfigError(path, "is not a finite number", line, column))
        return value


def _plain(text: str) -> Any:
    """Read an unquoted scalar by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text.lower() == "true"
    if text[0] not in "+-.0123456789":
        return text
    for kind in (int, float):
        try:
            if "_" not in text:
                return kind(text)
        except ValueError:
            continue
    return float(text.replace(".", "", 1)) if text.lower() in {".inf", "-.inf", "+.inf", ".nan"} else text


def _above(path: str) -> str:
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else ""


def _marked(fault: MarkedYAMLError) -> ConfigError:
    mark = fault.problem_mark or fault.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return ConfigError("", str(fault.problem or fault.context or "is no YAML"), line, column)
