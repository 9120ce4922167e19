"""Which fields of an item type are personal: paths that must be ones which its schemas know."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from review.configuration.checks import Checks, list_of, mapping_of
from review.configuration.routes import find_impossible
from review.items.personal import ELEMENTS, ROOTS, WHOLE
from review.items.types import ItemType
from review.kernel.sentences import Sentence, say

MOST_PATHS: Final = 100
_ROOTED: Final = ", ".join(f"`{root}`" for root in ROOTS)


def personal_of(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what a checked definition of an item type calls personal."""
    return tuple(str(each) for each in list_of(definition.get("personal")) or ())


def find_unknown(definitions: Mapping[str, Mapping[str, Any]], path: str) -> Sentence | None:
    """Say why no item of these types, as their definitions have been checked before, can have a path of its payload."""
    steps = path.split(".")
    root = steps[0].removesuffix(ELEMENTS)
    found = [_unknown(_bare(name, each), root, steps) for name, each in definitions.items()]
    return None if not found or None in found else found[0]


def check_personal(checks: Checks, path: str, item_type: ItemType, given: object) -> None:
    """Check the paths that an item type calls personal; one that its schemas cannot have is refused at its place."""
    checks.texts(path, given)
    found = list_of(given) or []
    if len(found) > MOST_PATHS:
        checks.add(path, say("has %(count)s entries; there may be %(most)s", count=len(found), most=MOST_PATHS))
    for at, each in enumerate(found):
        if isinstance(each, str) and (fault := _fault_of(item_type, each)) is not None:
            checks.add(f"{path}[{at}]", fault)


def _bare(name: str, definition: Mapping[str, Any]) -> ItemType:
    """Give an item type without what checks its items: only its schemas are looked at."""
    schemas = {side: definition.get(side, True) for side in ("input_schema", "output_schema")}
    return ItemType(name=name, version=0, title=name, **schemas, input_validator=None, output_validator=None)


def _fault_of(item_type: ItemType, path: str) -> Sentence | None:
    steps = path.split(".")
    root = steps[0].removesuffix(ELEMENTS)
    names = [step.replace(ELEMENTS, "") for step in steps]
    if root not in ROOTS:
        return say("must begin with one of %(roots)s", roots=_ROOTED)
    if root in WHOLE and path != root:
        return say("has nothing below it: `%(root)s` is a text", root=root)
    is_whole_payload = root not in WHOLE and path == root
    if is_whole_payload or not all(names) or any("[" in name or "]" in name for name in names):
        return say("must be a path such as `input.email`, with `[]` behind a list: `input.contacts[].email`")
    if item_type.input_validator is None or item_type.output_validator is None:
        return None  # the schema has a fault of its own
    return _unknown(item_type, root, steps)


def _unknown(item_type: ItemType, root: str, steps: list[str]) -> Sentence | None:
    """Say why no item of the type can have the path, going on within the elements of each list."""
    if root not in {"input", "output"}:
        return None
    side = f"{root}_schema"
    schema: object = getattr(item_type, side)
    walked = [root]
    for at, step in enumerate(steps):
        if at:
            walked.append(step.replace(ELEMENTS, ""))
        if not step.endswith(ELEMENTS):
            continue
        known = msgspec.structs.replace(item_type, **{side: schema})
        if (impossible := find_impossible((root, *walked[1:]), {item_type.name: known})) is not None:
            return impossible
        holder = _below(schema, walked[1:])
        for _ in range(step.count(ELEMENTS)):
            if _is_no_list(holder):
                return say("has `[]` behind `%(name)s`, which is no list", name=step.replace(ELEMENTS, ""))
            holder = (mapping_of(holder) or {}).get("items", True)
        schema, walked = holder, [root]
    known = msgspec.structs.replace(item_type, **{side: schema})
    return find_impossible((root, *walked[1:]), {item_type.name: known})


def _below(schema: object, names: list[str]) -> object:
    """Give the schema of what stands at these names, true where nothing is said of it."""
    for name in names:
        properties = mapping_of((mapping_of(schema) or {}).get("properties")) or {}
        schema = properties.get(name, True)
    return schema


def _is_no_list(schema: object) -> bool:
    keywords = mapping_of(schema)
    kind = (keywords or {}).get("type")
    return kind is not None and "array" not in (list_of(kind) or [kind])
