"""Formats of conversations, preferences, spans and extraction, and those of other tools, against what their users read.

TRL, spaCy, Label Studio and Argilla are not installed: what they document of their input is checked in their stead.
"""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.datasets.errors import RenderingInvalid
from review.datasets.formats import preference, spans
from review.datasets.formats.rendering import NO_LABEL, NO_TEXT
from tests.datasets.snapshot_files import lines, ready, render, snapshot_record, write
from tests.datasets.test_formats import huggingface

TALK = [{"role": "system", "content": "Help."}, {"role": "user", "content": "Hi =1\0"}]
ENTITIES = {"entities": [{"start": 8, "end": 14, "label": "PLACE"}, {"start": 0, "end": 4, "label": "WHO"}]}
SENTENCE = "Anna at Berlin."


def loaded(path: Path, made: bytes, folder: Path) -> Any:
    """Read JSON Lines by `datasets`, as TRL's trainers do."""
    path.write_bytes(made)
    return huggingface().Dataset.from_json(str(path), cache_dir=str(folder))


def test_chat_gives_messages_that_end_with_the_answer_that_counts(tmp_path: Path) -> None:
    """TRL's SFT: a column `messages` of objects with `role` and `content`."""
    given = [
        snapshot_record(1, input={"text": "why?"}, label={"text": "because"}),
        snapshot_record(2, input={"messages": TALK, "x": "y"}, label={"answer": "Hello", "n": 1}),
        snapshot_record(3, input={"text": "why?"}, label=None, verdict="reject"),
        snapshot_record(4, input={"messages": []}, label="x"),
    ]

    made, left_out = render(write(tmp_path / "f.parquet", *given), "chat")

    assert left_out == [NO_LABEL, NO_TEXT]
    read = loaded(tmp_path / "chat.jsonl", made, tmp_path)
    assert [[each["role"] for each in messages] for messages in read["messages"]] == [
        ["user", "assistant"],
        ["system", "user", "assistant"],
    ]
    assert read["messages"][1][1]["content"] == "Hi =1\0"
    assert [messages[-1]["content"] for messages in read["messages"]] == ["because", '{"answer":"Hello","n":1}']
    assert read["weight"] == [2.0, 2.0]


def test_preferences_are_the_correction_against_what_the_model_said(tmp_path: Path) -> None:
    """TRL's DPO: `prompt`, `chosen` and `rejected`, all conversations or all texts."""
    given = [
        snapshot_record(1, input={"text": "q"}, model_output={"text": "bad"}, label={"text": "good"}),
        snapshot_record(
            2, input={"text": "q"}, model_output={"text": "fine"}, label={"text": "fine"}, verdict="approve"
        ),
    ]
    path = write(tmp_path / "f.parquet", *given)

    talks, left_out = render(path, "preference")
    texts, _ = render(path, "preference", style="text")

    assert left_out == [preference.NOT_CORRECTED]
    (talk,) = loaded(tmp_path / "talks.jsonl", talks, tmp_path)
    assert {name: [each["content"] for each in talk[name]] for name in ("prompt", "chosen", "rejected")} == {
        "prompt": ["q"],
        "chosen": ["good"],
        "rejected": ["bad"],
    }
    assert [each["role"] for each in (*talk["prompt"], *talk["chosen"], *talk["rejected"])] == [
        "user",
        "assistant",
        "assistant",
    ]
    frame: Any = pd.read_json(tmp_path / "talks.jsonl", lines=True)
    assert list(frame) == ["prompt", "chosen", "rejected", "weight", "id"]
    (text,) = lines(texts)
    assert (text["prompt"], text["chosen"], text["rejected"]) == ("q", "good", "bad")


CHOICES = {"properties": {"better": {"enum": ["left", "right", "tie"]}}}


@pytest.mark.parametrize(
    ("answers", "label", "told"),
    [
        (["one", "two"], "left", ("one", "two")),
        ([{"text": "one"}, {"content": "two"}], "right", ("two", "one")),
        ({"right": "R", "left": "L"}, "left", ("L", "R")),
        (["one", "two"], "tie", preference.NO_CHOICE),
        ({"z": "one", "a": "two"}, "left", preference.NO_CHOICE),
        (["one", "two", "three"], "left", preference.NO_PAIR),
        (["one", 2], "left", preference.NO_PAIR),
        (None, "left", preference.NO_PAIR),
        (["one", "two"], None, NO_LABEL),
    ],
)
def test_preferences_are_taken_from_the_choice_of_a_pair(
    tmp_path: Path, answers: object, label: str | None, told: object
) -> None:
    record = snapshot_record(input={"question": "q", "answers": answers}, label=label and {"better": label})
    path = write(tmp_path / "f.parquet", record)

    made, left_out = render(
        path,
        "preference",
        {("ticket_intent", 2): CHOICES},
        pair_at="input.answers",
        prompt_at="question",
        style="text",
    )

    found = [(each["chosen"], each["rejected"]) for each in lines(made)]
    assert (found, left_out) == (([told], []) if isinstance(told, tuple) else ([], [told]))


def test_spans_are_tags_of_tokens_and_entities_as_spacy_takes_them(tmp_path: Path) -> None:
    """SpaCy documents (text, {entities: [(start, end, label)]}) in characters, without overlaps or blanks at ends."""
    given = [
        snapshot_record(1, input={"text": SENTENCE}, label=ENTITIES),
        snapshot_record(2, input={"text": "😀 Köln"}, label={"entities": [{"start": 1, "end": 6, "entity": "PLACE"}]}),
        snapshot_record(3, input={"text": "none"}, label={"entities": []}),
        snapshot_record(4, input={"text": "ab"}, label={"entities": [{"start": 0, "end": 3, "label": "X"}]}),
        snapshot_record(5, label={"entities": [{"start": at, "end": at + 5, "label": "X"} for at in (0, 3)]}),
        snapshot_record(6, label={"label": "x"}),
    ]
    path = write(tmp_path / "f.parquet", *given)

    tagged, left_out = render(path, "spans")
    entities, also = render(path, "spans", style="spacy", spans_at="entities")

    assert left_out == also == [spans.BEYOND, spans.OVERLAPPING, spans.NO_SPANS]
    read = loaded(tmp_path / "bio.jsonl", tagged, tmp_path)
    assert read["tokens"] == [["Anna", "at", "Berlin", "."], ["😀", "Köln"], ["none"]]
    assert read["ner_tags"] == [["B-WHO", "O", "B-PLACE", "O"], ["O", "B-PLACE"], ["O"]]
    assert [(each["text"], each["entities"]) for each in lines(entities)] == [
        (SENTENCE, [[0, 4, "WHO"], [8, 14, "PLACE"]]),
        ("😀 Köln", [[2, 6, "PLACE"]]),
        ("none", []),
    ]


@given(st.text(alphabet="ab .\n\u00df😀", max_size=30), st.lists(st.integers(0, 30), max_size=8, unique=True))
def test_the_tokens_of_a_span_are_the_span_wherever_it_is_cut(text: str, edges: list[int]) -> None:
    ends = sorted(edge for edge in edges if edge <= len(text))
    listed = [{"start": start, "end": end, "label": "X"} for start, end in list(pairwise(ends))[::2]]

    found = spans.apart(spans.within(text, listed))
    told = spans.bio(text, found)

    assert re.sub(r"\s", "", text) == "".join(told["tokens"])
    begun = [at for at, tag in enumerate(told["ner_tags"]) if tag == "B-X"]
    assert len(begun) == len(found)
    for at, (start, end, _) in zip(begun, found, strict=True):
        upto = next((more for more in range(at + 1, len(told["tokens"])) if told["ner_tags"][more] != "I-X"), None)
        assert "".join(told["tokens"][at:upto]) == re.sub(r"\s", "", text[start:end])
        assert not text[start:end][0].isspace()
        assert not text[start:end][-1].isspace()


def test_extraction_has_the_schema_and_an_output_that_fits_it(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "required": ["total", "note"],
        "properties": {
            "total": {"type": "number"},
            "note": {"type": ["string", "null"]},
            "lines": {
                "type": "array",
                "items": {"required": ["sku"], "properties": {"sku": {"type": ["string", "null"]}}},
            },
            "extra": {"type": "string"},
        },
    }
    given = [
        snapshot_record(1, label={"total": 3, "note": None, "lines": [{"sku": None, "n": 1}, {"sku": "x"}]}),
        snapshot_record(2, label={"total": 1.5, "note": "n", "extra": "e"}, input={"text": "t"}),
        snapshot_record(3, type="other", label={"total": 1}),
    ]

    made, left_out = render(write(tmp_path / "f.parquet", *given), "extraction", {("ticket_intent", 2): schema})

    assert len(left_out) == 1
    frame = pl.read_ndjson(made)
    assert [json.loads(each) for each in frame["schema"]] == [schema] * 2
    for each in frame["output"]:
        jsonschema_rs.validate(schema, json.loads(each))
    assert json.loads(frame["output"][0])["note"] is None
    assert frame["input"][1] == "t"


def test_label_studio_gets_tasks_with_annotations_and_predictions(tmp_path: Path) -> None:
    """Label Studio documents `data`, `annotations` and `predictions` with a `result` of from_name, to_name and type."""
    given = [
        snapshot_record(1),
        snapshot_record(2, input={"text": SENTENCE}, label=ENTITIES, model_output={"entities": []}, confidence=None),
        snapshot_record(3, label=None),
    ]

    made, left_out = render(write(tmp_path / "f.parquet", *given), "label_studio")

    choice, span = json.loads(made)
    assert left_out == [NO_LABEL]
    assert choice["data"]["text"] == "where is my card?"
    (said,) = choice["annotations"][0]["result"]
    assert said == {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["card_arrival"]}}
    (model,) = choice["predictions"]
    assert (model["model_version"], model["score"]) == ("intent-clf@2026-10-01", 0.62)
    assert model["result"][0]["value"] == {"choices": ["lost_card"]}
    for each in span["annotations"][0]["result"]:
        assert each["type"] == "labels"
        assert SENTENCE[each["value"]["start"] : each["value"]["end"]] == each["value"]["text"]
    assert [each["value"]["labels"] for each in span["annotations"][0]["result"]] == [["WHO"], ["PLACE"]]
    assert span["predictions"] == []
    assert json.loads(render(write(tmp_path / "none.parquet", given[2]), "label_studio")[0]) == []


def test_argilla_gets_records_of_fields_suggestions_and_responses(tmp_path: Path) -> None:
    """Argilla's `records.from_json` makes of each entry a Suggestion(value, score, agent), Response(value, user_id)."""
    user = "01900000-0000-7000-a000-00000000000f"
    given = [snapshot_record(1), snapshot_record(2, input={"text": SENTENCE}, label=ENTITIES)]
    path = write(tmp_path / "f.parquet", *given)

    alone, span = json.loads(render(path, "argilla")[0])
    with_user, _ = json.loads(render(path, "argilla", user_id=user)[0])

    assert alone["fields"] == {"text": "where is my card?"}
    assert alone["suggestions"] == {"label": {"value": "card_arrival", "score": None, "agent": "countersign"}}
    assert (alone["responses"], alone["vectors"]) == ({}, {})
    assert with_user["suggestions"]["label"] == {"value": "lost_card", "score": 0.62, "agent": "intent-clf@2026-10-01"}
    assert with_user["responses"] == {"label": [{"value": "card_arrival", "user_id": user}]}
    assert with_user["id"] == given[0]["id"]
    assert span["suggestions"]["label"]["value"][0] == {"start": 0, "end": 4, "label": "WHO"}
    assert all(isinstance(each, str | int | float) for each in alone["metadata"].values())


@pytest.mark.parametrize(("name", "style"), [("spans", "text"), ("preference", "bio")])
def test_a_style_of_another_format_is_refused(tmp_path: Path, name: str, style: str) -> None:
    with pytest.raises(RenderingInvalid):
        ready(write(tmp_path / "f.parquet", snapshot_record()), name, style=style)
