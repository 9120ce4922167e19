"""From a schema and a value to start from to the tree of fields that shows it."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

from review.kernel.shapes import is_list, is_object
from review.web.forms import controls
from review.web.forms.conditions import asked_about, effective, fits
from review.web.forms.controls import UNSHOWABLE, as_json, is_allowed_null
from review.web.forms.fields import MISSING, Field, Missing, Option, Path, Row, Schema, pointer
from review.web.forms.schema import Reading, read
from review.web.words.catalogue import gettext

MAX_ROWS = 200
MAX_DEPTH = 8
MAX_FIELDS = 1_000
MAX_PARTS = 40  # of a tuple
CLOSED_FROM = 2  # how deep optional objects wait to be asked for; schemas that refer to themselves have no end

_SCALARS = {
    "boolean": controls.boolean,
    "integer": controls.number,
    "number": controls.number,
    "string": controls.string,
}


@dataclass(slots=True)
class Builder:
    """Makes fields for one form and counts them, so that no schema or value can make a page without end."""

    root: Any
    made: int = field(default=0)

    def build(
        self,
        schema: object,
        base: Any,
        path: Path,
        at: str,
        *,
        required: bool,
        is_fresh: bool = False,
        is_open: bool = False,
        is_shape: bool = False,
    ) -> Field:
        """Make the field for one place, filled with `base`. Never raises, whatever schema and value are.

        A fresh field was just asked for and starts with the schema's default; an open one is shown whole.
        """
        self.made += 1
        reading = read(schema, self.root)
        plain = reading.schema
        is_new = is_fresh and isinstance(base, Missing)
        if is_new and "default" in plain:
            base = plain["default"]
        made = Field(
            kind="json",
            path=path,
            at=at,
            schema=schema if is_object(schema) else {},
            label=_label(plain, path),
            hint=_sentence(plain.get("description")),
            notes=controls.noted(plain),
            required=required,
            nullable=reading.nullable,
            base=base,
            is_fresh=is_fresh,
            is_open=is_open,
            is_deprecated=plain.get("deprecated") is True,
        )
        if self.made > MAX_FIELDS or len(path) > MAX_DEPTH:
            return as_json(made)
        if plain.get("readOnly") is True:
            return replace(made, kind="fixed", text=_told(base))
        shown = self._of_type(made, reading, is_shape=is_shape)
        return replace(shown, was="", was_label="") if is_new else shown

    def build_row(self, array: Field, path: Path, at: str) -> Field:
        """Make the field of one more row of an array, or one more named value, with nothing in it yet."""
        return self.build(array.schema.get("items"), MISSING, path, at, required=True, is_fresh=True)

    def numbered(self, row: Field) -> Field:
        """Name a row of an array, and the shape that it has, by where it stands now."""
        label = _label(read(row.schema, self.root).schema, row.path)
        children = row.children
        if row.kind == "shapes":
            children = tuple(replace(child, label=label) for child in children)
        return replace(row, label=label, children=children)

    def opened(self, made: Field) -> Field:
        """Make a field that waited to be asked for, whole."""
        if made.extras:
            return as_json(replace(made, is_open=True))
        fresh = made.kind == "closed"
        again = self.build(
            made.schema, made.base, made.path, made.at, required=made.required, is_fresh=fresh, is_open=True
        )
        return replace(again, is_conditional=made.is_conditional, is_live=made.is_live)

    def regroup(self, made: Field, facts: dict[str, Any]) -> Field:
        """Make a group again with the fields that its conditions ask for, given what is filled in."""
        return self._group(made, read(made.schema, self.root), facts)

    def reshape(self, made: Field, shape: str) -> Field:
        """Make a field of several shapes again in another of them, keeping what fits of what it started from."""
        option = next((each for each in made.options if each.text == shape), None)
        schema = option.value if option is not None else None
        if not is_object(schema):
            return replace(made, chosen=(shape,), children=())
        child = self.build(
            schema, self._kept(made.base, schema), made.path, made.at, required=True, is_fresh=True, is_shape=True
        )
        return replace(made, chosen=(shape,), children=(replace(child, label=made.label),))

    def _of_type(self, made: Field, reading: Reading, *, is_shape: bool) -> Field:
        if reading.listed is not None:
            return controls.choice(made, reading)
        if reading.shapes:
            return as_json(made) if is_shape else self._shapes(made, reading)
        if reading.type in _SCALARS:
            return _SCALARS[reading.type](made, reading)
        if reading.type == "array":
            return self._array(made, reading)
        if reading.type == "object":
            return self._object(made, reading)
        return as_json(made)

    def _shapes(self, made: Field, reading: Reading) -> Field:
        """Show which of several shapes the value has, and the value in that one."""
        options = [Option(str(at), shape.label, shape.schema) for at, shape in enumerate(reading.shapes)]
        if reading.nullable:
            options.append(Option("null", gettext("None (null)"), None))
        if not made.required:
            options.append(Option("", gettext("Not given"), MISSING))
        base, shape = made.base, "0" if made.required else ""
        if base is None and reading.nullable:
            shape = "null"
        elif not isinstance(base, Missing):
            fitting = [str(at) for at, each in enumerate(reading.shapes) if fits(each.schema, self.root, base)]
            if not fitting:
                return as_json(made)
            shape = fitting[0]
        made = replace(controls.chosen_from(made, "shapes", tuple(options), shape), is_live=True)
        schema = next((option.value for option in options if option.text == shape), None)
        if is_object(schema):
            child = self.build(
                schema,
                base,
                made.path,
                made.at,
                required=True,
                is_fresh=made.is_fresh,
                is_open=made.is_open,
                is_shape=True,
            )
            made = replace(made, children=(replace(child, label=made.label),))
        return made

    def _kept(self, base: Any, schema: Schema) -> Any:
        """Give what of a value fits another shape: all of it, or those of its fields that do."""
        if not isinstance(base, Missing) and fits(schema, self.root, base):
            return base
        properties = read(schema, self.root).schema.get("properties")
        if not (is_object(base) and is_object(properties)):
            return MISSING
        kept = {name: base[name] for name, it in properties.items() if name in base and fits(it, self.root, base[name])}
        return kept or MISSING

    def _array(self, made: Field, reading: Reading) -> Field:
        base, plain = made.base, reading.schema
        if not (is_list(base) or isinstance(base, Missing) or is_allowed_null(made)):
            return as_json(made)
        values: list[Any] = base if is_list(base) else []
        prefix, items = plain.get("prefixItems"), plain.get("items")
        if is_list(prefix) and prefix:
            return self._tuple(made, prefix, plain.get("minItems"))
        if not is_object(items):
            return as_json(made)
        inside = read(items, self.root)
        if plain.get("uniqueItems") is True and inside.listed and not inside.nullable:
            boxes = controls.choices(replace(made, base=values if is_list(base) else None), inside)
            if boxes is not None:
                return replace(boxes, base=base)
        if len(values) > MAX_ROWS or self.made + len(values) > MAX_FIELDS:
            return as_json(made)
        rows = tuple(
            Row(self.build(items, value, (*made.path, at), f"{made.at}/{at}", required=True), at)
            for at, value in enumerate(values)
        )
        most = plain.get("maxItems")
        return replace(
            made,
            kind="rows",
            schema={"items": items},
            rows=rows,
            was=str(len(rows)),
            max_rows=most if isinstance(most, int) and not isinstance(most, bool) else None,
            notes=(*made.notes, *_how_many(plain)),
        )

    def _tuple(self, made: Field, prefix: list[Any], least: object) -> Field:
        """Show an array whose places mean something each."""
        base = made.base
        values: list[Any] = base if is_list(base) else []
        if len(values) > len(prefix) or len(prefix) > MAX_PARTS:
            return as_json(made)
        least = least if isinstance(least, int) else 0
        needed = max(least, len(values)) if is_list(base) else least or len(prefix)
        children = tuple(
            self.build(
                inner,
                values[at] if at < len(values) else MISSING,
                (*made.path, at),
                f"{made.at}/{at}",
                required=at < needed,
                is_fresh=made.is_fresh,
            )
            for at, inner in enumerate(prefix)
        )
        return replace(made, kind="tuple", children=children)

    def _object(self, made: Field, reading: Reading) -> Field:
        base = made.base
        waits = isinstance(base, Missing) and not (made.required or made.is_open)
        if waits and len(made.path) >= CLOSED_FROM and "properties" in reading.schema:
            return replace(made, kind="closed")
        return self._group(made, reading, base if is_object(base) else {})

    def _group(self, made: Field, reading: Reading, facts: dict[str, Any]) -> Field:
        base, plain = made.base, reading.schema
        if not (is_object(base) or isinstance(base, Missing) or is_allowed_null(made)):
            return as_json(made)
        always = plain.get("properties")
        always = always if is_object(always) else {}
        whole = effective(plain, reading.conditions, self.root, facts) if reading.conditions else plain
        properties = whole.get("properties")
        properties = properties if is_object(properties) else {}
        rest_schema = _rest_schema(whole)
        if not (properties or reading.conditions or rest_schema is not None):
            return as_json(made)
        if any(not _is_name(name) for name in properties):
            return as_json(made)
        values: dict[str, Any] = base if is_object(base) else {}
        needed = _strings(whole.get("required"))
        surely, watched = _strings(plain.get("required")), asked_about(reading.conditions)
        children: list[Field] = []
        for name, inner in properties.items():
            child = self.build(
                inner,
                values.get(name, MISSING),
                (*made.path, name),
                made.at + pointer((name,)),
                required=name in needed,
                is_fresh=made.is_fresh,
            )
            new = name not in always or (name in needed and name not in surely)
            children.append(replace(child, is_conditional=new, is_live=child.is_live or name in watched))
        rest = {name: value for name, value in values.items() if name not in properties}
        if rest or rest_schema is not None:
            children.append(self._rest(made, rest, rest_schema, tuple(properties)))
        return replace(made, kind="group", children=tuple(children))

    def _rest(self, made: Field, rest: dict[str, Any], schema: Schema | None, reserved: tuple[str, ...]) -> Field:
        """Show what an object holds beside its fields: names with values where a schema is told, else JSON."""
        label = gettext("Everything else") if reserved else gettext("Names and values")
        more = Field("json", made.path, {}, label, made.at, required=False, base=rest, extras=True, reserved=reserved)
        if schema is None or len(rest) > MAX_ROWS or not all(_is_name(name) for name in rest):
            return as_json(more)
        rows = tuple(
            Row(self.build(schema, value, (*made.path, name), f"{made.at}/~{at}", required=True), at, name, was=name)
            for at, (name, value) in enumerate(rest.items())
        )
        return replace(more, kind="named", schema={"items": schema}, rows=rows, was=str(len(rows)))


def _rest_schema(plain: Schema) -> Schema | None:
    """Give the schema of fields that have any name; None where there is none, or more than one."""
    more, patterns = plain.get("additionalProperties"), plain.get("patternProperties")
    found = list(patterns.values()) if is_object(patterns) else []
    if is_object(more) and more:
        found.append(more)
    return found[0] if len(found) == 1 and is_object(found[0]) else None


def _is_name(name: str) -> bool:
    """Whether a form can carry a name of this kind."""
    return not (UNSHOWABLE.search(name) or "\n" in name or "\r" in name)


def _strings(names: object) -> list[str]:
    return [name for name in names if isinstance(name, str)] if is_list(names) else []


def _told(value: object) -> str:
    if value is None or isinstance(value, Missing):
        return gettext("None (null)") if value is None else ""
    is_nested = isinstance(value, dict | list)
    text = controls.json_text(cast("Any", value)) if is_nested else controls.option_label(value)
    return text if len(text) <= controls.PREVIEW else f"{text[: controls.PREVIEW]} …"


def _label(plain: Schema, path: Path) -> str:
    title = plain.get("title")
    last = path[-1] if path else gettext("Output")
    if isinstance(title, str) and title.strip():
        return f"{title} {last + 1}" if isinstance(last, int) else title
    if isinstance(last, int):
        return str(last + 1)
    return last.replace("_", " ").strip() or last


def _sentence(text: object) -> str:
    return text if isinstance(text, str) else ""


def _how_many(plain: Schema) -> list[str]:
    least, most = (plain.get(word) for word in ("minItems", "maxItems"))
    few = isinstance(least, int) and not isinstance(least, bool) and least > 0
    many = isinstance(most, int) and not isinstance(most, bool)
    if few and many:
        return [gettext("From %(least)s to %(most)s.", least=least, most=most)]
    if few:
        return [gettext("At least %(least)s.", least=least)]
    return [gettext("At most %(most)s.", most=most)] if many else []
