"""Templates of a record: what they may say, what is checked before they run, and that none runs away."""

import json
from pathlib import Path
from typing import Any

import pytest

from review.datasets.errors import RenderingInvalid
from review.datasets.formats import mapping
from tests.datasets.snapshot_files import ready, render, snapshot_record, write

MIXED = {"text": "a\nb", "turns": [{"who": "x", "said": "1"}, {"who": "y", "said": "2"}], "free": {"k": 1}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(
        tmp_path / "f.parquet",
        snapshot_record(1, input=MIXED),
        snapshot_record(2, input={"text": "b", "turns": [], "free": "mixed", "note": "n", "items": "key"}, model=None),
    )


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{ input.text | tojson }}\t{{ label.label }}", ['"a\\nb"\tcard_arrival', '"b"\tcard_arrival']),
        ("{{ {'t': input.text, 'w': weight} | tojson }}", ['{"t":"a\\nb","w":2.0}', '{"t":"b","w":2.0}']),
        ("{% for t in input.turns %}{{ loop.index }}{{ t.who }};{% else %}none{% endfor %}", ["1x;2y;", "none"]),
        ("{% if input.note %}{{ input.note }}{% else %}-{% endif %}", ["-", "n"]),
        ("{{ input.note }}|{{ input['items'] }}|{{ is_last }}", ["||true", "n|key|true"]),
        ("{{ input.text | replace('\\n', ' ') | upper }}", ["A B", "B"]),
        ("{{ input.turns | join(',') }}", ['{"said":"1","who":"x"},{"said":"2","who":"y"}', ""]),
        ("{{ 'yes' if 'a' in input.text else 'no' }}", ["yes", "no"]),
        ("{{ confidence | round(1) }}", ["0.6", "0.6"]),
        ("{{ model.name if model else 'nobody' }}", ["intent-clf", "nobody"]),
        ("{{ input.free.k | default('?') }}", ["1", "?"]),
    ],
)
def test_a_template_writes_a_line_for_each_record(path: Path, template: str, made: list[str]) -> None:
    assert render(path, "template", template=template) == ("".join(f"{line}\n" for line in made).encode(), [])


@pytest.mark.parametrize(
    ("template", "made", "left_out"),
    [
        ("{{ input.text }}", b"b\n", [mapping.LINES]),
        ("{{ model.name }}", b"intent-clf\n", [mapping.UNKNOWN]),
        ("{{ input.free.k }}", b"1\n", [mapping.UNKNOWN]),
        ("{{ input.note | upper }}", b"N\n", [mapping.UNFIT]),
        ("{{ input.turns[1].said }}", b"2\n", [mapping.UNKNOWN]),
    ],
)
def test_a_record_that_lacks_what_is_named_is_left_out(
    path: Path, template: str, made: bytes, left_out: list[str]
) -> None:
    assert render(path, "template", template=template) == (made, left_out)


@pytest.mark.parametrize(
    ("template", "places"),
    [
        ("{{ inputs.text }}", ["inputs"]),
        ("{{ input.txt }} {{ label.nope.deeper }}", ["input.txt", "label.nope"]),
        ("{{ input['txt'] }}", ["input.txt"]),
        ("{% if missing %}x{% endif %}", ["missing"]),
        ("{% for t in input.turns %}{{ t }}{% endfor %}{{ t }}", ["t"]),
        ("{{ weight.x }}", ["weight.x"]),
        ("{{ input.keys }}", ["input.keys"]),
        ("{{ self }}{{ loop }}{{ range }}", ["loop", "range", "self"]),
    ],
)
def test_what_no_record_has_is_named_before_anything_runs(path: Path, template: str, places: list[str]) -> None:
    """Issue 7: a mapping that names a missing field is a clear error."""
    with pytest.raises(RenderingInvalid) as refused:
        ready(path, "template", template=template)

    assert [each.path for each in refused.value.errors] == places


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{{",
        "{% for %}",
        "{{ input.text.upper() }}",
        "{{ ''.__class__.__mro__ }}{{ input.text() }}",
        "{{ range(10) }}",
        "{{ input | attr('x') }}",
        "{{ input | step }}",
        "{{ 'a' * 99999999 }}",
        "{{ 10 ** 10 }}",
        "{{ input.text ~ input.text }}",
        "{{ '%99999999d' % 1 }}",
        "{% set a = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'base.html' %}",
        "{% extends 'base.html' %}",
        "{% import 'x' as y %}",
        "{{ input.text[:3] }}",
        "{{ input is callable }}",
        "{% filter upper %}a{% endfilter %}",
        "{{ " + "(" * 600 + "1" + ")" * 600 + " }}",
        "{{ " + "[" * 300 + "]" * 300 + " }}",
        "{% if true %}" * 200 + "{% endif %}" * 200,
    ],
)
def test_what_a_template_may_not_say_is_refused(path: Path, template: str) -> None:
    with pytest.raises(RenderingInvalid):
        ready(path, "template", template=template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in input.many %}" * 4 + "{% endfor %}" * 4,
        "{% for a in input.many %}{% if 'zz' in input.long %}{% endif %}{% endfor %}",
        "{{ input.long }}" * 30,
        "{{ [" + "input.long," * 300 + "] | tojson | length }}",
        "{{ input.long | replace('a', input.long) | length }}",
        "{{ input.many | join(input.long) | length }}",
        "{% for a in input.many %}{{ input.long | upper | length }}{% endfor %}",
        "{% if [" + "input.long," * 300 + "] == input.many %}{% endif %}",
        "{% for a in input.many %}{{ input.many }}{% endfor %}",
    ],
)
def test_no_template_runs_away(tmp_path: Path, template: str) -> None:
    path = write(
        tmp_path / "f.parquet", snapshot_record(1, input={"many": list(range(1_000)), "long": "a" * 5_000_000})
    )

    assert render(path, "template", template=template) == (b"", [mapping.TOO_MUCH])


def test_a_template_cannot_reach_beyond_the_record(path: Path) -> None:
    template = "{{ input['__class__'] | default('safe') }}{{ input.free['__init__'] | default('safe') }}"
    with pytest.raises(RenderingInvalid):
        ready(path, "template", template=template)

    made, _ = render(path, "template", template="{{ input.free['__init__'] | default('safe') }}")

    assert made == b"safe\nsafe\n"


def test_a_template_writes_the_question_of_a_conversation(path: Path) -> None:
    made, _ = render(path, "chat", template="Classify: {{ input.text }}", system="Be brief.", answer_at="label")

    found: list[Any] = [json.loads(line)["messages"] for line in made.splitlines()]
    assert found[0] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Classify: a\nb"},
        {"role": "assistant", "content": "card_arrival"},
    ]
