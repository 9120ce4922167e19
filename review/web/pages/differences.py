"""Where two outputs differ, place by place, and what a correction has changed so far."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from markupsafe import Markup

from review.kernel.shapes import is_list, is_object
from review.web import content, forms
from review.web.pages.views import Change

MAX_CHANGES = 40
_NOTHING: Final = object()


def changes(before: object, after: object) -> list[Change]:
    """List the places where `after` is not what `before` was, in the order of `before`; at most 40."""
    found: list[Change] = []
    for path, old, new in _walk((), before, after):
        if len(found) == MAX_CHANGES:
            break
        words = _words(old, new) if isinstance(old, str) and isinstance(new, str) else None
        found.append(Change(label=", ".join(path), before=_brief(old), after=_brief(new), words=words))
    return found


def of_form(form: forms.Field) -> list[Change]:
    """List what a form says otherwise than the AI output, field by field in its order; at most 40."""
    return list(islice(_changed(form, ""), MAX_CHANGES))


def _changed(field: forms.Field, label: str) -> Iterator[Change]:
    if (field.kind in forms.LEAVES or field.kind == "shapes") and field.is_changed:
        old, new = field.was_label, field.now_label
        yield Change(
            label=label or field.label,
            before=content.visible(forms.beginning(old)) if old else None,
            after=content.visible(forms.beginning(new)) if new else None,
            words=_words(field.was, field.now) if not field.options else None,
            name=field.name,
        )
    for name, value in field.gone:
        yield Change(label=_under(label, name), before=_brief(value), after=None, name=field.name, is_of_rows=True)
    if field.is_reordered:
        order = [origin + 1 for origin in field.origins if origin is not None]
        before, after = (Markup(", ").join(str(each) for each in each_way) for each_way in (sorted(order), order))
        yield Change(label=label or field.label, before=before, after=after, name=field.name, is_of_rows=True)
    for child in field.children:
        yield from _changed(child, label if field.kind == "shapes" else _under(label, child.label))
    for row in field.rows:
        if row.was and row.was != row.name:
            at = f"n{row.field.at}"
            before, after = content.visible(row.was), content.visible(row.name)
            yield Change(label=_under(label, row.was), before=before, after=after, name=at)
        yield from _changed(row.field, _under(label, row.field.label))


def _under(label: str, name: str) -> str:
    return f"{label}, {name}" if label else name


def _words(old: str, new: str) -> Markup | None:
    """Mark the words that went and came; None where both texts stand better side by side."""
    pieces = forms.apart(old, new)
    if pieces is None:
        return None
    marks = {"=": Markup("{}"), "-": Markup("<del>{}</del>"), "+": Markup("<ins>{}</ins>")}
    return Markup("").join(marks[kind].format(content.visible(text)) for kind, text in pieces)


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
