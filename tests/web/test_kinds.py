"""Marks, fields, pairs and code: what the output says of the input, drawn where it belongs."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from pygments.lexers import get_lexer_by_name

from review.items.types import LANGUAGES
from review.web import content
from review.web.content import Block, Frame, code, marks
from tests import kinds

BOX = {"x": 10, "y": 20, "width": 30, "height": 40}
PICTURE = kinds.uri(kinds.png(100, 200), "image/png")


def shown(whole: dict[str, Any], view: dict[str, str], **more: Any) -> list[Block]:
    frame = Frame("/p/x/items/1", whole=whole, view=view, **more)
    return [block for side in ("input", "output") for block in content.blocks(side, whole.get(side, {}), view, frame)]


def spans(value: object, text: str = "Ana met Bo in Oslo", **more: Any) -> tuple[Block, Block]:
    both = shown({"input": {"t": text}, "output": {"s": value}}, {"input.t": "text", "output.s": "spans"}, **more)
    assert len(both) == 2
    return both[0], both[1]


def test_spans_are_drawn_in_the_text_and_listed_with_their_words() -> None:
    drawn, listed = spans([{"start": 0, "end": 3, "label": "who"}, {"start": 14, "end": 18, "label": "where"}])
    assert [(p.text, p.mark.label if p.mark else "") for p in drawn.pieces] == [
        ("Ana", "who"),
        (" met Bo in ", ""),
        ("Oslo", "where"),
    ]
    assert [(mark.label, mark.quote) for mark in listed.marks] == [("who", "Ana"), ("where", "Oslo")]


def test_of_overlapping_spans_the_shorter_shows() -> None:
    drawn, _ = spans([{"start": 0, "end": 10, "label": "all"}, {"start": 4, "end": 7, "label": "met"}])
    assert [(p.text, p.mark.label if p.mark else "") for p in drawn.pieces] == [
        ("Ana ", "all"),
        ("met", "met"),
        (" Bo", "all"),
        (" in Oslo", ""),
    ]


def test_spans_count_code_points() -> None:
    drawn, listed = spans([{"start": 2, "end": 5, "label": "who"}], text="🙂 Ana 👩‍🚀")
    assert [piece.text for piece in drawn.pieces if piece.mark] == ["Ana"]
    assert [mark.quote for mark in listed.marks] == ["Ana"]


@pytest.mark.parametrize(
    "value",
    [
        [{"start": 3, "end": 3, "label": "x"}],
        [{"start": -1, "end": 3, "label": "x"}],
        [{"start": 0, "end": 10**30, "label": "x"}],
        [{"start": True, "end": 3, "label": "x"}],
        [{"start": "0", "end": 3}],
        ["x"],
        {"a": 1},
        7,
    ],
)
def test_what_are_no_spans_is_shown_as_json_with_the_reason(value: object) -> None:
    _, listed = spans(value)
    assert listed.kind in {"json", "choice"}
    assert listed.note.startswith("These are no spans of the text")


@given(st.text(min_size=1, max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8))
def test_the_pieces_of_a_marked_text_are_the_text(text: str, edges: list[tuple[int, int]]) -> None:
    found = [marks.Mark(str(n), content.visible("x"), 1, start=min(e), end=max(e)) for n, e in enumerate(edges)]
    pieces = marks.cut(text, found)
    starts = [piece.start for piece in pieces]
    assert starts == sorted(set(starts))
    cut = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert "".join(cut) == text
    assert [str(piece.text) for piece in pieces] == [str(content.visible(each)) for each in cut]


def test_the_labels_of_the_schema_are_offered_with_digits() -> None:
    schema = {"properties": {"s": {"items": {"properties": {"label": {"enum": ["who", "where"]}}}}}}
    drawn, _ = spans([{"start": 0, "end": 3, "label": "other"}], schema=schema)
    assert [(label.text, label.key, label.value) for label in drawn.labels] == [
        ("who", "1", '"who"'),
        ("where", "2", '"where"'),
        ("other", "3", "other"),
    ]
    assert drawn.field == "/s"


def test_a_text_with_unseen_characters_is_not_marked_by_script() -> None:
    drawn, _ = spans([{"start": 0, "end": 3, "label": "who"}], text="Ana\u200b met")
    assert (drawn.field, drawn.labels) == ("", ())
    assert drawn.note == "Its spans are corrected in the form: the text holds characters that cannot be seen."


@pytest.mark.parametrize(
    ("box", "corners"),
    [
        (BOX, ((100, 100), (400, 100), (400, 300), (100, 300))),
        ({"bbox": [10, 20, 30, 40]}, ((100, 100), (400, 100), (400, 300), (100, 300))),
        ({"x1": 10, "y1": 20, "x2": 40, "y2": 60}, ((100, 100), (400, 100), (400, 300), (100, 300))),
        ({"x": 0.1, "y": 0.1, "width": 0.3, "height": 0.2}, ((100, 100), (400, 100), (400, 300), (100, 300))),
        ({"polygon": [[10, 20], [40, 20], [10, 60]]}, ((100, 100), (400, 100), (100, 300))),
        ({"points": [10, 20, 40, 20, 10, 60]}, ((100, 100), (400, 100), (100, 300))),
    ],
)
def test_boxes_of_every_spelling_lie_over_the_picture(box: dict[str, Any], corners: Any) -> None:
    whole = {"input": {"p": PICTURE}, "output": {"b": [box | {"label": "cat", "score": 0.9}]}}
    drawn, listed = shown(whole, {"input.p": "image", "output.b": "boxes"})
    assert drawn.marks[0].corners == corners
    assert (listed.marks[0].label, listed.marks[0].confidence, listed.marks[0].key) == ("cat", 0.9, drawn.marks[0].key)


@pytest.mark.parametrize(
    "value", [[{"x": 1}], [{"bbox": [1, 2, 3]}], [{"polygon": [[1, 2], [3, 4]]}], [BOX | {"x": 1e300}], "x", [BOX, 7]]
)
def test_what_are_no_boxes_is_shown_as_what_it_is_and_nothing_is_drawn(value: object) -> None:
    drawn, listed = shown({"input": {"p": PICTURE}, "output": {"b": value}}, {"input.p": "image", "output.b": "boxes"})
    assert drawn.marks == ()
    assert listed.note.startswith("These are no boxes")


def test_boxes_in_pixels_wait_for_a_picture_whose_size_is_not_known() -> None:
    whole = {"input": {"p": "https://pictures.example/1.png"}, "output": {"b": [BOX]}}
    view = {"input.p": "image", "output.b": "boxes"}
    drawn, _ = shown(whole, view, hosts=frozenset({"pictures.example"}))
    assert drawn.in_pixels
    assert drawn.marks[0].corners[0] == (10, 20)


def test_fields_know_how_sure_the_model_was_and_where_it_read_them() -> None:
    given = kinds.ITEMS["receipt"]
    view = {
        "input.photo": "image",
        "output": "extraction",
        "signals.sure": "confidences",
        "input.where": "evidence",
    }
    found = shown({"input": given["input"], "output": given["output"], "signals": given["signals"]}, view)
    (drawn, listed) = found
    assert [(one.pointer, one.value, one.confidence, one.is_low) for one in listed.fields] == [
        ("/total", "12.5", 0.55, True),
        ("/shop", "Bakery", 0.97, False),
    ]
    assert [mark.field for mark in drawn.marks] == ["/total", "/shop"]


def test_two_hundred_fields_are_listed_and_more_than_three_hundred_are_not() -> None:
    (listed,) = shown({"output": {f"f{n}": n for n in range(400)}}, {"output": "extraction"})
    assert len(listed.fields) == 300


@pytest.mark.parametrize("value", [["one", "two"], {"a": "one", "b": "two"}, [{"text": "one"}, {"content": "two"}]])
def test_two_answers_stand_side_by_side(value: object) -> None:
    (pair,) = shown({"input": {"x": value}}, {"input.x": "pair"})
    assert [(version.title, version.body) for version in pair.versions] == [("A", "one"), ("B", "two")]
    assert pair.changes == "<del>one</del><ins>two</ins>"


@pytest.mark.parametrize("value", [["one"], ["one", 2], "x", {"a": "1", "b": "2", "c": "3"}])
def test_what_is_no_pair_is_shown_with_the_reason(value: object) -> None:
    (block,) = shown({"input": {"x": value}}, {"input.x": "pair"})
    assert block.note.startswith("This is no pair")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_lexer(language: str) -> None:
    assert get_lexer_by_name(language)


def bare(markup: Markup) -> str:
    return re.sub("<[^>]*>", "", markup)


@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_colours_change_no_character(text: str, language: str) -> None:
    assert bare(code.coloured(text, language)) == bare(content.visible(text))


def test_very_long_lines_are_not_coloured() -> None:
    assert not code.is_lexable("x" * 2_001)
    assert code.coloured("def f" * 500, "python") == "def f" * 500


def test_a_conversation_folds_away_what_tools_and_instructions_say() -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look_up", "arguments": "{}"}}]},
        {"role": "tool", "name": "look_up", "content": "found"},
        {"role": "user", "name": "Bo", "content": [{"type": "text", "text": "thanks"}], "timestamp": "10:00"},
    ]
    (chat,) = shown({"input": {"x": turns}}, {"input.x": "chat"})
    assert [(t.role, t.name, t.body, t.is_folded, [f.title for f in t.folds]) for t in chat.turns] == [
        ("system", "", "Be kind.", True, []),
        ("assistant", "", "", False, ["Tool call: look_up"]),
        ("tool", "look_up", "", False, ["Tool answered: look_up"]),
        ("user", "Bo", "thanks", False, []),
    ]


@pytest.mark.parametrize("kind", ["audio", "video", "pdf"])
@pytest.mark.parametrize("value", ["data:text/html;base64,PHNjcmlwdD4=", "data:audio/wav;base64,!!!!", "data:;base64,"])
def test_a_file_that_an_item_carries_gets_a_player_only_if_its_bytes_are_of_that_kind(kind: str, value: str) -> None:
    (block,) = shown({"input": {"x": value}}, {"input.x": kind})
    assert block.medium is None
    assert block.note.endswith("going by its first bytes, so it is not shown.")
