"""What may be written in a document's conditions and rules: fields that its items really have, and names; no I/O."""

from collections.abc import Iterator, Mapping

import msgspec

from review.configuration.checks import list_of
from review.kernel.shapes import is_object
from review.routing.measuring import COUNTED, IN_ZONE, RECEIVED, WITHIN
from review.routing.reading import FIELDS, MODEL_FIELDS

MAX_OFFERS = 600
MAX_LEVELS = 6
MAX_LENGTH = 200
_UTC = "UTC"  # stands for any zone; which one people mean, their calendars say
_SECTIONS = (("pools", "pool"), ("sla_policies", "SLA policy"), ("item_types", "item type"))


class Offer(msgspec.Struct, frozen=True):
    """Something to write, and what it is."""

    text: str
    kind: str


def offers(data: Mapping[str, object]) -> tuple[Offer, ...]:
    """List what a document offers, fields first, at most 600; what is not shaped as it should be offers nothing."""
    found: dict[str, str] = {f"item.{field}": "field" for field in FIELDS}
    found |= {f"item.model.{field}": "field" for field in MODEL_FIELDS}
    for name, item_type in _section(data, "item_types").items():
        if not is_object(item_type):
            continue
        for side in ("input", "output"):
            for path in _fields(item_type.get(f"{side}_schema"), f"item.{side}", MAX_LEVELS):
                kind = found.get(path)
                found[path] = name if kind is None else f"{kind}, {name}" if name not in kind.split(", ") else kind
    found |= {f"lists.{name}": "list" for name in _section(data, "lists")}
    found |= {f"scores.{name}": "score" for name in _section(data, "scores")}
    calendars = _section(data, "calendars")
    found |= {f'rate("{path}", "1h")': "rate" for path in COUNTED}
    found |= {f'{RECEIVED}.{aspect}("{_zone(calendars)}")': "time" for aspect in IN_ZONE}
    found |= {f'{RECEIVED}.{WITHIN}("{name}")': "calendar" for name in calendars}
    for section, kind in _SECTIONS:
        found |= dict.fromkeys(_section(data, section), kind)
    return tuple(Offer(text, kind) for text, kind in found.items() if text.isprintable() and len(text) < MAX_LENGTH)[
        :MAX_OFFERS
    ]


def _zone(calendars: Mapping[str, object]) -> str:
    """Give the time zone of the first calendar that has one."""
    zones = [each.get("timezone") for each in calendars.values() if is_object(each)]
    return next((zone for zone in zones if isinstance(zone, str) and zone.isprintable() and '"' not in zone), _UTC)


def _section(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = data.get(name)
    return section if is_object(section) else {}


def _fields(schema: object, above: str, levels: int) -> Iterator[str]:
    """Give the paths that a schema names, through `properties` and what is combined of several schemas."""
    if not is_object(schema) or not levels:
        return
    for combined in ("allOf", "anyOf", "oneOf"):
        for each in list_of(schema.get(combined)) or ():
            yield from _fields(each, above, levels - 1)
    properties = schema.get("properties")
    for name, below in properties.items() if is_object(properties) else ():
        path = f"{above}.{name}" if name.isidentifier() and name.isascii() else f'{above}["{name}"]'
        yield path
        yield from _fields(below, path, levels - 1)
