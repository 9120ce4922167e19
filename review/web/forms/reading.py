"""From what a browser submitted back to a JSON value, against the tree of fields that the form was made from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from review.kernel.shapes import is_list, is_object
from review.web.forms import answering
from review.web.forms.answering import Answer, faulty
from review.web.forms.building import MAX_ROWS, Builder
from review.web.forms.fields import MISSING, Field, Missing, Path, Row, focused, is_blank
from review.web.forms.submitted import Submitted

TOO_MANY = f"At most {MAX_ROWS} rows fit in this form; the rest was left out."
MAX_ROUNDS = 4  # of conditions that depend on what other conditions ask for


@dataclass(slots=True)
class Reader:
    """Reads one submitted form against the tree it was made from."""

    builder: Builder
    submitted: Submitted
    is_lenient: bool = False

    def read(self, made: Field, sent: str) -> Answer:
        """Read one field whose controls were named after the address `sent`. Never raises, whatever was sent."""
        answer = self._read(made, sent)
        if sent == self.submitted.focus and answer.form.kind != "shapes":
            return replace(answer, form=focused(answer.form))
        return answer

    def _read(self, made: Field, sent: str) -> Answer:
        if made.kind in {"closed", "cut"}:
            name = "g" if made.kind == "closed" else made.name[0]
            if not self.submitted.is_open(name + sent):
                return Answer(made, made.base)
            made = self.builder.opened(made)
        containers = {
            "group": self._group,
            "rows": self._rows,
            "named": self._named,
            "tuple": self._tuple,
            "shapes": self._shapes,
        }
        if made.kind in containers:
            return containers[made.kind](made, sent)
        return Answer(made, made.base) if made.kind == "fixed" else self._control(made, sent)

    def _control(self, made: Field, sent: str) -> Answer:
        is_back = made.name[0] + sent in self.submitted.taken_back
        if made.kind == "choices":
            given_all = made.was.split("\n") if is_back and made.was else [] if is_back else None
            return answering.choices(
                made, self.submitted.values.get("o" + sent, []) if given_all is None else given_all
            )
        given = made.was.removesuffix(made.suffix) if is_back else self.submitted.first(made.name[0] + sent)
        lenient = self.is_lenient or self.submitted.pressed
        if made.kind in {"choice", "select"}:
            return answering.choice(made, given, is_lenient=lenient)
        answer = answering.scalar(
            made, given, None if is_back else self.submitted.first("z" + sent), is_lenient=lenient
        )
        if self.is_lenient and answer.form.errors:
            return answering.scalar(made, None, is_lenient=True)
        return answer

    def _group(self, made: Field, sent: str) -> Answer:
        answers = self._inside(made, sent)
        for _ in range(MAX_ROUNDS if made.schema else 0):
            again = self.builder.regroup(made, _together(answers))
            if again.kind != "group" or _asks(again) == _asks(made):
                break
            made = again
            answers = self._inside(made, sent)
        form = replace(made, children=tuple(answer.form for answer in answers))
        emptied = is_blank(form) and not made.is_open and not (is_object(made.base) and is_blank(made))
        if emptied and made.path:
            return _emptied(made, _quiet(form), _together(answers))
        return Answer(form, _together(answers))

    def _inside(self, made: Field, sent: str) -> list[Answer]:
        return [self.read(child, sent + child.at[len(made.at) :]) for child in made.children]

    def _tuple(self, made: Field, sent: str) -> Answer:
        answers = self._inside(made, sent)
        form = replace(made, children=tuple(answer.form for answer in answers))
        if is_blank(form) and made.path and not (is_list(made.base) and is_blank(made)):
            return _emptied(made, _quiet(form), [])
        values = [answer.value for answer in answers]
        while values and isinstance(values[-1], Missing):
            values.pop()
        gaps = [at for at, value in enumerate(values) if isinstance(value, Missing) and not answers[at].form.errors]
        told = (faulty(each, "Fill this in.") if at in gaps else each for at, each in enumerate(form.children))
        form = replace(form, children=tuple(told))
        return Answer(form, [value for value in values if not isinstance(value, Missing)])

    def _shapes(self, made: Field, sent: str) -> Answer:
        given = self.submitted.first("s" + sent)
        shape = made.chosen[0] if given is None else given
        option = next((each for each in made.options if each.text == shape), None)
        if option is None:
            return Answer(faulty(replace(made, children=()), "Choose one of those listed."), MISSING)
        if made.name in self.submitted.taken_back:
            shape = made.was
            option = next((each for each in made.options if each.text == shape), option)
        if shape != made.chosen[0]:
            made = self.builder.reshape(made, shape)
        if not made.children:
            return Answer(made, option.value)
        before = self.is_lenient
        self.is_lenient = before or self.submitted.first("h" + sent) not in {None, shape}
        answer = self.read(made.children[0], sent)
        self.is_lenient = before
        return Answer(replace(made, children=(answer.form,)), answer.value)

    def _rows(self, made: Field, sent: str) -> Answer:
        lines = self._lines(made, sent)
        answers: list[Answer] = []
        rows: list[Row] = []
        for place, origin in lines[:MAX_ROWS]:
            known = origin is not None and origin < len(made.rows)
            path, at = (*made.path, len(rows)), f"{made.at}/{len(rows)}"
            if known and origin is not None:
                row = self.builder.numbered(_moved(made.rows[origin].field, path, at))
            else:
                row = self.builder.build_row(made, path, at)
            answers.append(Answer(row, row.base) if place is None else self.read(row, f"{sent}/{place}"))
            rows.append(Row(answers[-1].form, origin if known else None))
        kept = {row.origin for row in rows}
        gone = tuple((row.field.label, row.field.base) for row in made.rows if row.origin not in kept)
        form = replace(made, rows=tuple(rows), gone=gone, has_focus=not rows and sent == self.submitted.focus)
        if len(lines) > MAX_ROWS:
            return Answer(faulty(form, TOO_MANY), MISSING)
        if not rows and not made.rows and not is_list(made.base):
            if made.base is None or not made.required:
                return Answer(form, made.base)
            if made.nullable:
                return Answer(form, None)
        return Answer(form, [answer.value for answer in answers if not isinstance(answer.value, Missing)])

    def _lines(self, made: Field, sent: str) -> list[tuple[int | None, int | None]]:
        """Give where each line stands in what was sent, and which of the start it is; None for nowhere and for new.

        Lines that are taken back stand as at the start, and hold what stands where they were moved to.
        """
        lines: list[tuple[int | None, int | None]] = [*self.submitted.rows.get(sent, [])]
        if made.name[0] + sent not in self.submitted.taken_back:
            return lines
        places = {origin: place for place, origin in lines}
        return [(places.get(at), at) for at in range(len(made.rows))]

    def _name(self, known: Row | None, sent: str) -> str:
        given = None if f"n{sent}" in self.submitted.taken_back else self.submitted.first(f"n{sent}")
        return given if given is not None else known.was if known else ""

    def _named(self, made: Field, sent: str) -> Answer:
        value: dict[str, Any] = {}
        rows: list[Row] = []
        lines = self._lines(made, sent)
        for place, origin in lines[:MAX_ROWS]:
            known = made.rows[origin] if origin is not None and origin < len(made.rows) else None
            name = self._name(known, f"{sent}/~{place}")
            path, at = (*made.path, name), f"{made.at}/~{len(rows)}"
            field = _moved(known.field, path, at) if known else self.builder.build_row(made, path, at)
            answer = Answer(field, field.base) if place is None else self.read(field, f"{sent}/~{place}")
            was = known.was if known else ""
            row = Row(replace(answer.form, label=name), origin if known else None, name, was=was)
            if not name.strip() and not (known and name == known.name):
                if is_blank(answer.form) and not self.submitted.pressed:
                    continue
                row = row if self.submitted.pressed else replace(row, name_errors=("Give it a name.",))
            elif name in value or name in made.reserved:
                row = replace(row, name_errors=("This name is taken. Choose another.",))
            elif not isinstance(answer.value, Missing):
                value[name] = answer.value
            rows.append(row)
        kept = {row.origin for row in rows}
        gone = tuple((row.name, row.field.base) for row in made.rows if row.origin not in kept)
        form = replace(made, rows=tuple(rows), gone=gone)
        return Answer(faulty(form, TOO_MANY), MISSING) if len(lines) > MAX_ROWS else Answer(form, value)


def _together(answers: Iterable[Answer]) -> dict[str, Any]:
    """Put the fields of an object together, without those that were left out."""
    value: dict[str, Any] = {}
    for answer in answers:
        if isinstance(answer.value, Missing):
            continue
        if answer.form.extras:
            value.update(answer.value)
        else:
            value[str(answer.form.path[-1])] = answer.value
    return value


def _emptied(made: Field, form: Field, otherwise: Any) -> Answer:
    """Say what it means that everything inside is empty."""
    if made.base is None:
        return Answer(form, None)
    if not made.required:
        return Answer(form, MISSING)
    return Answer(form, None) if made.nullable else Answer(form, otherwise)


def _asks(group: Field) -> list[tuple[str, bool, bool]]:
    """Tell which fields a group has, and which of them must be filled in."""
    return [(child.at, child.required, child.extras) for child in group.children]


def _quiet(form: Field) -> Field:
    """Take back what was said about fields of an object that is left out as a whole."""
    return replace(form, errors=(), children=tuple(_quiet(child) for child in form.children))


def _moved(form: Field, path: Path, at: str) -> Field:
    """Give a row, and all that is in it, its place in the new order."""
    deep, far = len(form.path), len(form.at)

    def move(inner: Field) -> Field:
        return replace(
            inner,
            path=path + inner.path[deep:],
            at=at + inner.at[far:],
            children=tuple(move(child) for child in inner.children),
            rows=tuple(replace(row, field=move(row.field)) for row in inner.rows),
        )

    return move(form)
