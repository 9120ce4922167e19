"""Made-up fields for the style guide: those that an ordinary form has none of, and the states they can be in."""

from review.web.forms import Field, Option, Row

INTENTS = ("card_arrival", "lost_card", "refund", "top_up")


def fields() -> list[Field]:
    """Show every rarer field: long lists, shapes, names with values, what waits or is fixed or cut, what is changed."""
    return [*_plain(), *_choices(), _shapes(), *_groups()]


def _plain() -> list[Field]:
    times = (("09:30:00", "Z"), ("09:30:00.5", "+02:00"), ("09:30:00", ""))
    return [
        *(
            Field("time", (f"t{at}",), {}, f"time {at + 1}", f"/t{at}", text=text, was=text, suffix=suffix)
            for at, (text, suffix) in enumerate(times)
        ),
        Field("datetime", ("at",), {}, "at", "/at", text="2026-10-01T09:30:00.120", suffix="+02:00"),
        Field("fixed", ("id",), {}, "id", "/id", text="A-7"),
        Field("fixed", ("none",), {}, "nothing fixed", "/none"),
        Field("cut", ("log",), {}, "log", "/log", text="2026-10-01 09:30 started", suffix="240,000"),
        Field(
            "text",
            ("iban",),
            {},
            "IBAN",
            "/iban",
            text="DE02\u200b1203",
            was="DE02",
            was_label="DE02",
            is_conditional=True,
            max_length=34,
        ),
        Field("text", ("hint",), {}, "hint", "/hint", is_conditional=True, required=False, is_deprecated=True),
        Field("closed", ("more",), {}, "more", "/more", required=False, notes=("A note of the schema.",)),
        Field(
            "longtext",
            ("wrong",),
            {},
            "what is wrong",
            "/wrong",
            text="too short",
            was="too short",
            hint="What a customer could do with.",
            errors=("Write at least twenty characters.",),
            is_live=True,
        ),
    ]


def _choices() -> list[Field]:
    intents = tuple(Option(name, name, name) for name in INTENTS)
    keyed = tuple(Option(name, name, name, str(at + 1)) for at, name in enumerate(INTENTS))
    many = tuple(Option(str(at), f"topic {at}", at) for at in range(32))
    return [
        Field("select", ("to",), {}, "to whom", "/to", options=intents, chosen=("",)),
        Field("select", ("cc",), {}, "and to", "/cc", options=intents, chosen=("refund",), required=False),
        Field(
            "choice",
            ("was",),
            {},
            "changed",
            "/was",
            options=keyed,
            chosen=("refund",),
            was="top_up",
            was_label="top_up",
        ),
        Field("choices", ("all",), {}, "many topics", "/all", options=many, chosen=("3",), was="3"),
    ]


def _shapes() -> Field:
    inside = Field("number", ("form", "r"), {}, "radius", "/form/r", text="2", was="2")
    box = Field("group", ("form",), {}, "form", "/form", children=(inside,))
    options = (Option("0", "A circle", {}), Option("1", "A box", {}))
    changed = Field(
        "shapes", ("form",), {}, "form", "/form", options=options, chosen=("0",), was="1", is_live=True, children=(box,)
    )
    return Field("group", ("shaped",), {}, "Of several shapes", "/shaped", children=(changed,))


def _groups() -> list[Field]:
    name = Field("text", ("names", "a"), {}, "a", "/names/~0", text="1", was="1")
    wrong = Field("text", ("names", "b"), {}, "b", "/names/~1", text="2")
    row = Field("text", ("lines", 0), {}, "1", "/lines/0", text="one", was="one")
    other = Field("text", ("lines", 1), {}, "2", "/lines/1", text="two", was="two")
    only = Field("text", ("only", 0), {}, "1", "/only/0", text="one", was="one")
    street = Field("text", ("address", "street"), {}, "street", "/address/street", text="", required=False)
    return [
        Field("group", ("address",), {}, "address", "/address", children=(street,), is_open=True, required=False),
        Field(
            "named",
            ("names",),
            {},
            "Names and values",
            "/names",
            extras=True,
            rows=(Row(name, 0, "a", was="a"), Row(wrong, None, "a", ("This name is there already.",))),
        ),
        Field("rows", ("lines",), {}, "lines", "/lines", rows=(Row(row, 0), Row(other, 1)), max_rows=3, was="2"),
        Field("rows", ("only",), {}, "full", "/only", rows=(Row(only, 0),), max_rows=1, was="1"),
    ]
