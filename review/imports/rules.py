"""From a row of somebody's file to the item and the label that it holds; no I/O."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET

from review.decisions.rules import Verdict
from review.imports.errors import ImportInvalid
from review.imports.schemas import Layout, Row
from review.items.types import ItemType
from review.kernel import strict_json
from review.kernel.canonical import fingerprint, sha256_of
from review.kernel.errors import FieldError, ReviewError
from review.kernel.shapes import is_list, is_object

WHOLE_OR_PARTS = ("input", "output", "label", "model", "metadata")
WHOLE = ("external_id", "verdict", "reasons", "comment", "confidence", "impact", "explanation", "subject", "tags")
FLAGS = ("gold",)
DETAILS = ("model", "metadata", "confidence", "impact", "explanation", "subject", "tags")
# Where the parts stand in what `review export` writes, and in what is made of a row of Label Studio.
EXPORTED: Mapping[str, str] = {
    "input": "input",
    "output": "model_output",
    **{name: name for name in ("label", "external_id", "verdict", "reasons", "comment")},
    **{name: name for name in ("model", "confidence", "impact", "tags", "gold")},
}
ANNOTATED: Mapping[str, str] = {
    "input": "data",
    **{name: name for name in ("label", "output", "external_id", "confidence", "model")},
}
KNOWN_BY = ("external_id", "subject")
MAX_COMMENT = 20_000
NO_INPUT = "holds no input"
NOTHING_JUDGED = "holds neither a label nor an output of a model"
NO_LABEL = "holds no label; import it as a queue to have it reviewed"


class Unfit(Exception):
    """A row that cannot be imported, and why."""

    def __init__(self, what: str, said: str = "") -> None:
        self.reason = f"{what} {said}" if said else what
        super().__init__(self.reason)


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says: a submission, whose output is the model's or else the label, and the judgement of it."""

    submission: dict[str, Any]
    verdict: Verdict | None
    label: Any
    reasons: tuple[str, ...]
    comment: str


def mapping_of(given: Sequence[str], layout: Layout) -> Mapping[str, str]:
    """Read `part=field` pairs; without any, the fields are those that the layout has by itself.

    Raises:
        ImportInvalid: a pair is none, names no part of an item, or one that another pair names (422).
    """
    if not given:
        return ANNOTATED if layout is Layout.LABEL_STUDIO else EXPORTED
    mapping: dict[str, str] = {}
    for pair in given:
        part, sign, field = (each.strip() for each in pair.partition("="))
        root, dot, rest = part.partition(".")
        known = (root in WHOLE_OR_PARTS and (bool(rest) or not dot)) or part in WHOLE + FLAGS
        if not sign or not field or not known:
            _refuse(pair, f"write part=field, where part is one of {', '.join((*WHOLE_OR_PARTS, *WHOLE, *FLAGS))}")
        if part in mapping or any(_overlap(part, other) for other in mapping):
            _refuse(pair, "names a part that another pair fills")
        mapping[part] = field
    if not any(part.partition(".")[0] == "input" for part in mapping):
        _refuse("input", "is missing: say which field holds the input")
    if not any(part.partition(".")[0] in {"label", "output"} for part in mapping):
        _refuse("label", "is missing: say which field holds the label")
    return mapping


def draw(row: Row, mapping: Mapping[str, str], item_type: ItemType) -> Drawn:
    """Take out of a row what the mapping names, in the shapes that the item type gives it.

    Raises:
        Unfit: the row lacks something, or holds what cannot be what it is said to be.
    """
    found = _found(row, mapping)
    given = _assembled(row, found, "input", item_type.input_schema, item_type.check_input)
    output = _assembled(row, found, "output", item_type.output_schema, item_type.check_output)
    label = _assembled(row, found, "label", item_type.output_schema, item_type.check_output)
    verdict = _verdict(found.get("verdict", UNSET), output, label)
    if output is UNSET:
        output = label
    if given is UNSET or output is UNSET:
        raise Unfit(NO_INPUT if given is UNSET else NOTHING_JUDGED)
    submission = {"type": item_type.name, "input": given, "output": output, **_details(row, found)}
    if (external_id := found.get("external_id")) is not None:
        submission["external_id"] = _name(external_id)
    if _is_true(found.get("gold"), "gold"):
        submission["gold"] = True
    drawn = Drawn(
        submission=submission,
        verdict=verdict,
        label=None if label is UNSET else label,
        reasons=tuple(_texts(found.get("reasons"), "reasons")),
        comment=_text(found.get("comment"), "comment")[:MAX_COMMENT],
    )
    return _checked(drawn)


def named(drawn: Drawn) -> Drawn:
    """Give a row without an external id one by its content, so that the same row comes to the same item."""
    if "external_id" in drawn.submission:
        return drawn
    # Gold or not, the same row is the same item, so that no second one of it is learned from.
    plain = {name: value for name, value in drawn.submission.items() if name != "gold"}
    name = f"import-{print_of(msgspec.structs.replace(drawn, submission=plain)).hex()[:32]}"
    return msgspec.structs.replace(drawn, submission={**drawn.submission, "external_id": name})


def as_gold(drawn: Drawn) -> Drawn:
    """Give a row as one whose answer was known before anybody was asked."""
    return msgspec.structs.replace(drawn, submission={**drawn.submission, "gold": True})


def print_of(drawn: Drawn) -> bytes:
    """Give a digest that is equal for rows that say the same."""
    return fingerprint(msgspec.to_builtins(drawn))


def queued(drawn: Drawn) -> dict[str, Any]:
    """Give what is submitted for review: the model's output, and the label beside it where there are both."""
    submission = dict(drawn.submission)
    if drawn.label is not None and not _same(drawn.label, submission["output"]):
        submission["metadata"] = {**submission.get("metadata", {}), "imported_label": drawn.label}
    return submission


def check_judged(drawn: Drawn, item_type: ItemType) -> Verdict:
    """Give the verdict of a row that is to be decided already.

    Raises:
        Unfit: it has none, or one that the label or the item type gainsays.
    """
    verdict = drawn.verdict
    if verdict is None:
        raise Unfit(NO_LABEL)
    if verdict is Verdict.APPROVE and drawn.label is not None and not _same(drawn.label, drawn.submission["output"]):
        reason = "is approved, and its label is not the output that was approved"
        raise Unfit(reason)
    if verdict is Verdict.CORRECT:
        if drawn.label is None:
            reason = "is corrected, and holds no label"
            raise Unfit(reason)
        if faults := item_type.check_output(drawn.label):
            raise Unfit("; ".join(f"{each.path.replace('output', 'label', 1)} {each.message}" for each in faults))
    strange = [each for each in drawn.reasons if each not in item_type.reasons]
    if strange:
        reason = f"gives the reason {strange[0]!r}, which item type {item_type.name} has not"
        raise Unfit(reason)
    return verdict


def reason_of(fault: ReviewError) -> str:
    """Say a refusal in one line."""
    return "; ".join(f"{each.path} {each.message}".strip() for each in fault.errors) or fault.message


def storable(text: str) -> str:
    """Give a text as PostgreSQL can hold it: without NUL, and with half surrogate pairs spelt out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def known_by(row: Any, mapping: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Give the external id and the subject of a row that was left out, as far as they can be told."""
    found = [value_at(row, mapping[part]) if part in mapping and is_object(row) else None for part in KNOWN_BY]
    external_id, subject = (storable(str(each)) if isinstance(each, str | int) else None for each in found)
    return external_id, subject


def value_at(fields: Mapping[str, Any], path: str) -> Any:
    """Find what stands at a path, `data.text` or `answers.0`, or under that very name; UNSET if there is nothing."""
    if path in fields:
        return fields[path]
    value: Any = fields
    for step in path.split("."):
        if is_object(value) and step in value:
            value = value[step]
        elif is_list(value) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return UNSET
    return value


def _found(row: Row, mapping: Mapping[str, str]) -> dict[str, Any]:
    """Give what the row holds of each part; an empty cell of a text table holds nothing."""
    found = {part: value_at(row.fields, field) for part, field in mapping.items()}
    return {part: value for part, value in found.items() if value is not UNSET and not (row.is_text and value == "")}


def _assembled(
    row: Row,
    found: Mapping[str, Any],
    root: str,
    schema: Any,
    check: Callable[[object], Sequence[FieldError]],
) -> Any:
    """Put input, output or label together from its parts, or take it whole; null is no label."""
    if root in found:
        whole = found[root]
        value = _shaped(_read(whole, schema) if row.is_text else whole, schema)
        value = UNSET if value is None and root != "input" else value
    else:
        value = _from_parts(row, found, root, schema)
    if row.is_sparse and value is not UNSET:
        lean = without_nulls(value)
        value = value if check(lean) and not check(value) else lean
    return value


def _from_parts(row: Row, found: Mapping[str, Any], root: str, schema: Any) -> Any:
    parts = {part.removeprefix(f"{root}."): value for part, value in found.items() if part.startswith(f"{root}.")}
    if not parts:
        return UNSET
    value: dict[str, Any] = {}
    for path, given in parts.items():
        *outer, last = path.split(".")
        place, within = value, schema
        for step in outer:
            place, within = place.setdefault(step, {}), _below(within, step)
        place[last] = _read(given, _below(within, last)) if row.is_text else given
    return value


def _below(schema: Any, step: str) -> Any:
    properties = schema.get("properties") if is_object(schema) else None
    return properties.get(step, True) if is_object(properties) else True


def _shaped(value: Any, schema: Any) -> Any:
    """Put a bare value where it belongs in an object of which one field alone is asked for."""
    properties = schema.get("properties") if is_object(schema) else None
    if value is None or is_object(value) or not is_object(properties):
        return value
    required = schema.get("required")
    names = required if is_list(required) and required else list(properties)
    return {names[0]: _read(value, properties.get(names[0], True))} if len(names) == 1 else value


def _read(value: Any, schema: Any) -> Any:
    """Read a cell as what its schema asks for; where that may be text, it is text."""
    if not isinstance(value, str) or not is_object(schema):
        return value
    kinds, choices = schema.get("type"), schema.get("enum")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "string" in kinds or (choices is not None and value in choices) or (not kinds and choices is None):
        return value
    try:
        return strict_json.decode(value.encode())
    except (ReviewError, UnicodeEncodeError):
        return value


def without_nulls(value: Any) -> Any:
    """Leave out the null members of objects."""
    if is_object(value):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if is_list(value):
        return [without_nulls(each) for each in value]
    return value


def _verdict(given: Any, output: Any, label: Any) -> Verdict | None:
    """Give the verdict that the row names, or what follows from output and label; None where neither tells."""
    if given is not UNSET and given is not None:
        try:
            verdict = Verdict(given)
        except ValueError:
            raise Unfit(repr(given), "is none of the verdicts approve, correct, reject") from None
        if output is UNSET and verdict is Verdict.CORRECT:
            return Verdict.APPROVE if label is not UNSET else None  # what was corrected is not known: the label stands
        return verdict
    if label is UNSET:
        return None
    return Verdict.APPROVE if output is UNSET or _same(output, label) else Verdict.CORRECT


def _same(one: Any, other: Any) -> bool:
    try:
        return sha256_of(one) == sha256_of(other)
    except (ValueError, TypeError):  # what has no canonical form is refused with its place later
        return bool(one == other)


def _details(row: Row, found: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for name in DETAILS:
        value = found.get(name)
        if value is None and name in {"model", "metadata"}:
            value = _from_parts(msgspec.structs.replace(row, is_text=False), found, name, {})
            value = None if value is UNSET else without_nulls(value)
        if value is not None:
            details[name] = _detail(name, value)
    return details


def _detail(name: str, value: Any) -> Any:
    if name == "tags":
        return list(_texts(value, name))
    if name == "confidence" and isinstance(value, str):
        return _read(value, {"type": "number"})
    if name in {"model", "metadata"} and isinstance(value, str):
        read = _read(value, {"type": "object"})
        return {"name": value} if name == "model" and not is_object(read) else read
    if name == "subject" and not isinstance(value, str):
        return _name(value)
    return without_nulls(value) if name == "model" else value


def _texts(value: Any, name: str) -> Sequence[str]:
    """Give a list of texts: one that is there, a JSON array in a cell, or a text alone."""
    read = _read(value, {"type": "array"})
    if read is None:
        return ()
    found: Sequence[Any] = [read] if isinstance(read, str) else read
    if not is_list(found) or not all(isinstance(each, str) for each in found):
        raise Unfit(name, "is no list of texts")
    return found


def _is_true(value: Any, name: str) -> bool:
    read = _read(value, {"type": "boolean"})
    if read is not None and not isinstance(read, bool):
        raise Unfit(name, "is no truth value")
    return read is True


def _text(value: Any, name: str) -> str:
    if value is not None and not isinstance(value, str):
        raise Unfit(name, "is no text")
    return value or ""


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        reason = "external_id is neither a text nor a whole number"
        raise Unfit(reason)
    return str(value)


def _checked(drawn: Drawn) -> Drawn:
    """Let pass what is JSON that everybody reads alike."""
    try:
        read = strict_json.decode(msgspec.json.encode(drawn))
    except ReviewError as fault:
        raise Unfit(reason_of(fault)) from fault
    except (UnicodeEncodeError, OverflowError, TypeError, msgspec.MsgspecError) as fault:
        reason = "holds half of a surrogate pair or another value that JSON has not"
        raise Unfit(reason) from fault
    return msgspec.convert(read, Drawn)


def _overlap(part: str, other: str) -> bool:
    return part.startswith(f"{other}.") or other.startswith(f"{part}.")


def _refuse(path: str, message: str) -> NoReturn:
    said = f"The mapping {path!r} {message}. Nothing was imported."
    raise ImportInvalid(said, errors=(FieldError(f"map.{path}", message),))
