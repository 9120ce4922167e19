"""Redaction of what leaves: no redacted value in any format, hashes that join and cannot be guessed, and who reads."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from review.datasets.formats import decoding
from review.datasets.formats.registry import FORMATS
from review.datasets.redaction import rules
from review.datasets.redaction.rules import (
    Applied,
    Field,
    How,
    Redacting,
    applied_to,
    exposed_in,
    faults_of,
    hashed,
    masked,
)
from review.datasets.schemas import Format
from review.datasets.selections.choosing import Choice
from review.datasets.selections.rules import Definition, Sampling, Splitting
from review.datasets.service import TEXT_ENCODERS
from review.items.personal import HIDDEN
from tests.datasets.records import lines_of, parquet_of, record
from tests.datasets.snapshot_files import render, write

MARK: Final = "zq7marker"
KEY: Final = b"k" * 32
HOW: Final[st.SearchStrategy[How]] = st.sampled_from(["drop", "hash", "mask"])
SECRETS: Final = st.sampled_from([MARK, [MARK, MARK], {"deep": [{MARK: MARK}]}, [[MARK]], {"a": f"{MARK} ü"}])
PLACES: Final = (
    "input.email",
    "input.contacts[].phone",
    "input.deep.er",
    "output.name",
    "comment",
    "external_id",
    "tags",
)
TALK: Final = {"messages": [{"role": "user", "content": "hello"}], "text": "hello there"}


@st.composite
def redactions(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[Field, ...], dict[str, tuple[str, ...]]]:
    """Make a record with the mark at some paths, what a definition says of them, and what the type calls personal."""
    secret = draw(SECRETS)
    plain = isinstance(secret, str)
    given = {
        "email": secret,
        "contacts": [{"phone": secret, "kind": "home"}, {"kind": "work"}, {"phone": secret}],
        "deep": {"er": secret, "other": 1},
    } | (TALK if draw(st.booleans()) else {"text": "hello there"})
    told = {
        "input": given,
        "model_output": {"name": secret, "label": "a"},
        "label": {"name": secret, "label": draw(st.sampled_from(["a", "b"]))},
        "comment": secret if plain else None,
        "external_id": secret if plain else None,
        "tags": [secret] if plain else [],
    }
    fields, personal = [], []
    for path in PLACES:
        how = draw(HOW)
        if path.startswith(("input.", "output.")) and draw(st.booleans()):
            personal.append(path)
        else:
            fields.append(Field(path=path, how=how, keep_last=0))
    return record(1, **told), tuple(fields), {"ticket_intent": tuple(personal)}


@given(redactions())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_no_redacted_value_is_in_any_format(
    made: tuple[dict[str, Any], tuple[Field, ...], dict[str, tuple[str, ...]]],
) -> None:
    """Promise 32: whatever stands at a redacted path, no output format has it, and neither does a class or a part."""
    whole, fields, personal = made
    redactor = Redacting(fields, personal, KEY)
    line = lines_of([whole]).rstrip(b"\n") + b"\t" + json.dumps([MARK, "triage", 1, True, []]).encode() + b"\n"
    assert MARK.encode() in line
    definition = Definition(redaction=fields, splitting=Splitting(by="subject"), sampling=Sampling(distinct=True))
    choice = Choice(definition, None, redactor=redactor)
    choice.take(line)
    choice = Choice(definition, choice.shares(), redactor=redactor)
    (taken,) = choice.take(line)

    assert MARK.encode() not in taken.line
    assert MARK not in repr(choice.counts)
    left = json.loads(taken.line)
    assert left["input"]["text"] == "hello there", "what is not named stays"
    exported = [json.loads(redactor.record(lines_of([whole]).rstrip(b"\n")))]
    for kind, encoder in TEXT_ENCODERS.items():
        chosen = encoder()
        assert MARK.encode() not in chosen.begin() + chosen.add(lines_of(exported)) + chosen.end(), kind
    assert MARK.encode() not in parquet_of(exported), Format.PARQUET
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "f.parquet", left)
        assert MARK.encode() not in path.read_bytes()
        for name in FORMATS:
            options: dict[str, Any] = {"template": "{{ input | tojson }}"} if name == "template" else {}
            assert MARK.encode() not in render(path, name, **options)[0], name
        assert MARK not in json.dumps([each for some in decoding.read(path) for each in some])


def test_equal_values_have_equal_hashes_under_one_key_and_no_others_can_be_tried() -> None:
    one, same, other = (
        hashed(KEY, "ana@example.com"),
        hashed(KEY, "ana@example.com"),
        hashed(b"z" * 32, "ana@example.com"),
    )
    assert (one == same, one == other, hashed(KEY, None)) == (True, False, None)
    assert str(one).startswith("hmac:")
    assert hashed(KEY, {"b": 1, "a": 2}) == hashed(KEY, {"a": 2, "b": 1})
    assert hashed(KEY, ["x", "y"]) == [hashed(KEY, "x"), hashed(KEY, "y")], "lists stay lists, as columns are typed"


def test_a_mask_keeps_the_end_of_a_text_only_where_most_of_it_is_gone() -> None:
    shown = [masked(4, value) for value in ("1234567890", "12345678", "", 1234567890, None, ["1234567890"])]
    assert shown == ["***7890", "***", "***", "***", None, ["***7890"]]


def test_what_is_personal_is_dropped_unless_said_otherwise_and_the_manifest_says_why() -> None:
    fields = (Field(path="input.contact", how="hash"), Field(path="output.name", how="keep"))
    personal = ("input.contact.email", "input.phone", "output.name", "metadata.phone")
    assert applied_to("t", fields, personal) == [
        Applied(type="t", path="input.contact", how="hash"),
        Applied(type="t", path="output.name", how="keep"),
        Applied(type="t", path="input.phone", how="drop", because="personal"),
    ]


def test_a_class_never_names_a_personal_value_even_where_the_field_is_kept() -> None:
    redactor = Redacting((Field(path="output", how="keep"),), {"ticket_intent": ("output.label",)}, KEY)
    choice = Choice(Definition(), redactor=redactor)
    choice.take(lines_of([record()]).rstrip(b"\n") + b"\t" + b'[null,"triage",1,true,[]]\n')
    assert dict(choice.counts.classes) == {HIDDEN: 1}


def test_files_may_be_read_by_those_for_whom_nothing_hidden_is_left_in_them() -> None:
    hides = {"t": ("input.email", "metadata.phone"), "u": ("output.name",)}
    dropped = [Applied(type="t", path="input", how="mask")]
    assert exposed_in(["t"], dropped, hides) == []
    assert exposed_in(["t", "u"], dropped, hides) == [("u", "output.name")]
    assert exposed_in(["t"], [Applied(type="t", path="input.email", how="keep")], hides) == [("t", "input.email")]
    assert exposed_in(["t"], [], hides) == [("t", "input.email")], "made before the field was called personal"


def test_fields_that_cannot_be_are_named() -> None:
    fields = [
        Field(path="metadata.x"),
        Field(path="input.a"),
        Field(path="input.a.b"),
        Field(path="output.a", keep_last=2),
        Field(path="input..a"),
    ]
    assert [at for at, _ in faults_of(fields)] == [0, 2, 3, 4]
    assert rules.why_not_by("input.a", [Applied(type="t", path="input.a", how="hash")]) is None
    assert rules.why_not_by("input.a.b", [Applied(type="t", path="input.a", how="drop")]) is not None


def test_records_that_nothing_is_said_of_stay_to_the_byte() -> None:
    line = b'{"type":"t","input":{"a":1.50},"label":{"x":1,"y":"\\ud800"}}'
    left = Redacting((Field(path="output.x"),), {"other": ("input.a",)}, KEY).record(line)
    assert json.loads(left) == {"type": "t", "input": {"a": 1.5}, "label": {"y": "\ud800"}}
    exact = line.replace(b',"y":"\\ud800"', b"")
    left = Redacting((Field(path="output.x"),), {"other": ("input.a",)}, KEY).record(exact)
    assert left == b'{"type":"t","input":{"a":1.50},"label":{}}'
    assert Redacting((), {"other": ("input.a",)}, KEY).record(line) is line
    tombstone = msgspec.json.encode({"id": "1", "type": "other", "withdrawn": True})
    assert Redacting((), {"other": ("input.a",)}, KEY).record(tombstone) is tombstone
