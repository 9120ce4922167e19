"""Putting an advised threshold into a configuration's text, where its rule is a plain one; no I/O."""

import re

from review.configuration.document import parse
from review.kernel.shapes import is_list, is_object

_NUMBER = r"(?:\d+\.\d+|\.\d+|[01])"
_OF_TYPE = r"""(?:item\.type\s*==\s*(["'])(?P<type>[\w-]+)\1\s*&&\s*)?"""
_PLAIN = re.compile(rf"^\s*{_OF_TYPE}item\.confidence\s*<\s*{_NUMBER}\s*$")
_WRITTEN = re.compile(rf"(item\.confidence\s*<\s*){_NUMBER}")


def with_threshold(source: str, item_type: str, threshold: float) -> str | None:
    """Give the text with the threshold in it; None where no rule, or more than one, sends by confidence alone.

    Such a rule sends to people what is below, by `item.confidence < X`, of this type or of the only one there is.
    """
    document = parse(source)
    rules, types = document.data.get("rules"), document.data.get("item_types")
    is_only = is_object(types) and list(types) == [item_type]
    found: list[int] = []
    for at, rule in enumerate(rules if is_list(rules) else []):
        match = _PLAIN.match(rule["when"]) if is_object(rule) and isinstance(rule.get("when"), str) else None
        is_of_type = match is not None and (match["type"] == item_type or (is_only and not match["type"]))
        if is_of_type and "review" in (rule.get("then") or {}):
            found.append(at)
    span = document.spans.get(f"rules[{found[0]}].when") if len(found) == 1 else None
    if span is None:
        return None
    begin, end = span
    changed, count = _WRITTEN.subn(rf"\g<1>{threshold:g}", source[begin:end])
    return source[:begin] + changed + source[end:] if count == 1 else None


def suggestion(item_type: str, model: str, threshold: float, pool: str) -> str:
    """Write a rule to paste in front of those that let through."""
    name, _, version = model.rpartition("@")
    parts = [f'item.type == "{item_type}"']
    if name and _is_plain(name):
        parts.append(f'item.model.name == "{name}"')
    if version and _is_plain(version):
        parts.append(f'item.model.version == "{version}"')
    parts.append(f"(item.confidence == null || item.confidence < {threshold:g})")
    return f"- {{name: below-threshold, when: '{' && '.join(parts)}', then: {{review: {pool}}}}}"


def _is_plain(text: str) -> bool:
    return re.fullmatch(r"[\w.:/ -]{1,100}", text) is not None
