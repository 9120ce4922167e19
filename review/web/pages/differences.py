"""Where two outputs differ, place by place."""

from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

from review.web import content
from review.web.pages.views import Change
from review.web.shapes import is_list, is_object

MAX_CHANGES = 40
_NOTHING: Final = object()


def changes(before: object, after: object) -> list[Change]:
    """List the places where `after` is not what `before` was, in the order of `before`; at most 40."""
    found: list[Change] = []
    for path, old, new in _walk((), before, after):
        if len(found) == MAX_CHANGES:
            break
        found.append(Change(label=", ".join(path), before=_brief(old), after=_brief(new)))
    return found


def _walk(path: tuple[str, ...], before: object, after: object) -> Iterator[tuple[tuple[str, ...], object, object]]:
    if is_object(before) and is_object(after):
        for name in (*before, *(name for name in after if name not in before)):
            yield from _walk((*path, name), before.get(name, _NOTHING), after.get(name, _NOTHING))
    elif is_list(before) and is_list(after):
        for place in range(max(len(before), len(after))):
            old = before[place] if place < len(before) else _NOTHING
            new = after[place] if place < len(after) else _NOTHING
            yield from _walk((*path, str(place + 1)), old, new)
    elif type(before) is not type(after) or before != after:
        yield path, before, after


def _brief(value: object) -> Markup | None:
    return None if value is _NOTHING else content.brief(value) or Markup("“”")
