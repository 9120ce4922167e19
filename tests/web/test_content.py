"""Content views: everything an item holds can be read, and nothing in it can act."""

import base64
import re
import struct
import zlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from review.items.types import VIEWS
from review.web import content
from review.web.content import Block, Node, blocks
from review.web.content.block import More

TAG = re.compile(r"<\s*/?\s*([a-zA-Z][^\s/>]*)([^>]*)>")
HARMLESS = {
    *("bdi", "p", "em", "strong", "del", "s", "code", "pre", "ul", "ol", "li", "blockquote", "h3", "h4", "h5", "h6"),
    *("hr", "br", "table", "thead", "tbody", "tr", "th", "td", "span", "ins"),
}
BADGE = re.compile(r' class="unseen" title="[A-Za-z -]+"| class="t[cksnfdi]"')


def png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + b"\x7f" * 2 for _ in range(2)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def data_uri(raw: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def markup_of(block: Block) -> list[Markup]:
    found = [block.body, *block.columns, *(cell for row in block.rows for cell in row), *block.chunks]
    for turn in block.turns:
        found += [turn.role, turn.body, turn.name, turn.at, *(each for f in turn.folds for each in (f.title, f.body))]
    for mark in block.marks:
        found += [mark.label, mark.quote]
    found += [piece.text for piece in block.pieces] + [label.text for label in block.labels]
    found += [version.body for version in block.versions] + ([block.changes] if block.changes is not None else [])
    found += [text for one in block.fields for text in (one.name, one.value)]
    if block.node is not None:
        found += texts_of(block.node)
    return found


def texts_of(node: Node) -> list[Markup]:
    return [node.text, *(text for child in node.children for text in texts_of(child))]


def assert_inert(markup: Markup) -> None:
    assert isinstance(markup, Markup)
    for name, attributes in TAG.findall(markup):
        assert name in HARMLESS, f"<{name}> in {markup!r}"
        assert not attributes or BADGE.fullmatch(attributes), f"{attributes!r} on <{name}> in {markup!r}"


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '<div hx-get="/sign-out" hx-trigger="load">x</div>',
    "<hx-partial hx-target='body'>x</hx-partial>",
    "<template hx type='partial'>x</template>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1) 'title')",
    "![x](https://evil.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "<https://evil.example/>",
    "[a]: javascript:alert(1)\n\n[a]",
    "```\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "# <iframe src=//evil.example>",
    "|a|b|\n|-|-|\n|<script>|[x](javascript:1)|",
    "<style>*{display:none}</style>",
    "<a href='//evil.example' target=_top>x</a>",
    "<form action=/sign-out method=post><button autofocus>x</button></form>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "</textarea></pre></div><script>alert(1)</script>",
    "\u202e<script>\u2066",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "&lt;script&gt;&#60;script&#62;",
    "<" * 3000,
    "[" * 3000,
    "*_" * 3000,
    "> " * 3000 + "x",
]
KINDS = [*VIEWS, "code:python", "no_such_kind"]


def shapes(value: Any) -> list[Any]:
    return [
        value,
        [value],
        {"role": value, "content": value},
        [{"role": value, "content": value}],
        {"messages": [{"role": "user", "content": [{"type": "text", "text": value}]}]},
        [{str(value): value, "b": [value]}],
        [[value, value], [value]],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hostile_survives_in_any_view(kind: str) -> None:
    for shape in [shape for value in HOSTILE for shape in shapes(value)]:
        for block in blocks("input", {"x": shape}, {"input.x": kind}):
            for markup in markup_of(block):
                assert_inert(markup)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    anything, st.dictionaries(st.sampled_from(["input", "input.x", "input.x.y", "input.role"]), st.sampled_from(KINDS))
)
def test_no_value_raises_and_all_of_it_is_inert(value: Any, view: dict[str, str]) -> None:
    for shown in (value, {"x": value, "role": value}):
        for block in blocks("input", shown, view):
            for markup in markup_of(block):
                assert_inert(markup)
        assert_inert(content.brief(shown))


def test_the_view_says_how_and_in_which_order_and_nothing_is_lost() -> None:
    value = {"a": "one", "order": {"id": 7, "lines": [{"sku": "x"}]}, "b": "**two**", "more": [1]}
    view = {"input.b": "markdown", "input.order.lines": "table", "output.label": "choice", "input.none": "text"}
    shown = blocks("input", value, view)
    assert [(block.label, block.kind) for block in shown] == [
        ("b", "markdown"),
        ("order, lines", "table"),
        ("a", "text"),
        ("order", "json"),
        ("more", "json"),
    ]
    rest = shown[3].node
    assert rest is not None
    assert [(child.key, str(child.text)) for child in rest.children] == [("id", "7")]


def test_short_values_stand_together_and_long_ones_alone() -> None:
    shown = blocks("output", {"kind": "receipt", "total": 12.5, "note": "a\nb", "paid": True, "memo": None}, {})
    assert [block.kind for block in shown] == ["facts", "text", "facts"]
    assert [[str(cell) for cell in row] for row in shown[0].rows] == [["kind", "receipt"], ["total", "12.5"]]


def test_an_input_that_is_no_object_is_shown_whole() -> None:
    assert [(block.kind, str(block.body)) for block in blocks("input", "hello", {})] == [("text", "hello")]
    assert [block.kind for block in blocks("input", [{"role": "user", "content": "hi"}], {"input": "chat"})] == ["chat"]


def test_markdown_keeps_its_shape_and_shows_where_links_would_lead() -> None:
    source = "# Refund\n\nSee *this* [page](https://a.example/x?a=1&b=2), <https://b.example>, "
    source += "![logo](https://c.example/i.png)\n\n1. one\n2. two"
    html = str(content.render_markdown(source))
    assert "<h3>Refund</h3>" in html
    assert "<em>this</em> page <code>https://a.example/x?a=1&amp;b=2</code>" in html
    assert ", https://b.example, [image: logo] <code>https://c.example/i.png</code>" in html
    assert "<ol>\n<li>one</li>" in html


def test_what_the_eye_cannot_see_is_named() -> None:
    shown = str(content.visible("pay\u202e 001\u200b <b>\x07"))
    assert '<span class="unseen" title="right-to-left override">⟨U+202E⟩</span>' in shown
    assert '<span class="unseen" title="zero-width space">⟨U+200B⟩</span>' in shown
    assert "&lt;b&gt;" in shown
    assert "⟨U+0007⟩" in shown
    assert "⟨U+E0041⟩" in str(content.render_markdown("a\U000e0041b"))


@pytest.mark.parametrize(
    "text", ["line\r\nnext\tend", "👩\u200d🚀", "\u0645\u06cc\u200c\u062e\u0648", "☎\ufe0f", "naïve café"]
)
def test_ordinary_text_in_any_script_is_left_alone(text: str) -> None:
    assert "⟨" not in content.visible(text)


def test_a_picture_the_item_carries_is_shown_with_its_size() -> None:
    (block,) = blocks("input", {"image": data_uri(png(8, 6))}, {"input.image": "image"})
    assert block.picture is not None
    assert (block.picture.width, block.picture.height, block.picture.kind) == (8, 6, "png")
    assert block.picture.source == data_uri(png(8, 6))


GIF = b"GIF89a" + struct.pack("<HH", 3, 4) + b"\0\0\0;"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 5, 9) + b"\x01\x01\x11\x00"
WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (6).to_bytes(3, "little") + (2).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("raw", "kind", "size"), [(GIF, "gif", (3, 4)), (JPEG, "jpeg", (9, 5)), (WEBP, "webp", (7, 3))]
)
def test_every_format_tells_its_size(raw: bytes, kind: str, size: tuple[int, int]) -> None:
    (block,) = blocks("input", {"image": data_uri(raw, kind)}, {"input.image": "image"})
    assert block.picture is not None
    assert (block.picture.width, block.picture.height) == size


NO_PICTURE = "This is no picture: neither an address nor a data URI of a PNG, JPEG, GIF, WebP or AVIF file."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            "https://evil.example/i.png",
            "An operator can let this be shown by adding the host to REVIEW_MEDIA_HOSTS.",
        ),
        ("data:image/svg+xml;base64,PHN2Zz4=", NO_PICTURE),
        (
            "javascript:alert(1)",
            "This is neither an https address nor a data URI of a PNG, JPEG, GIF, WebP or AVIF file.",
        ),
        (42, NO_PICTURE),
        ("data:image/png;base64,????", "The picture's base64 text is damaged."),
        (data_uri(b"<svg onload=alert(1)>"), "The picture says it is PNG, and its bytes are not."),
        (data_uri(png(), "gif"), "The picture says it is GIF, and its bytes are not."),
        (data_uri(b"\xff\xd8\xff\xe0\xff\xff", "jpeg"), "The picture says it is JPEG, and its bytes are not."),
        (data_uri(png(60_000, 60_000)), "The picture has 60000 by 60000 pixels, too many to show."),
        (data_uri(b"\0" * 6_000_000), "The picture is larger than 5 MB."),
    ],
)
def test_what_is_no_picture_is_shown_as_what_it_is_with_the_reason(value: Any, said: str) -> None:
    (block,) = blocks("input", {"image": value}, {"input.image": "image"})
    assert block.picture is None
    assert block.note.endswith(said)
    assert block.kind in {"text", "json"}


def test_huge_values_are_cut_say_so_and_lead_to_the_rest() -> None:
    frame = content.Frame("/p/x/items/1")
    (text,) = blocks("input", {"x": "a" * 300_000}, {}, frame)
    assert text.more == More("/p/x/items/1/part?at=%2Finput%2Fx&from=60000", "Show all (0.3 MB)")
    (text,) = blocks("input", {"x": "a" * 300_000}, {})
    assert text.note == "240,000 more characters are left out; the whole is in the API's answer."
    (tree,) = blocks("input", {"x": list(range(100_000))}, {})
    assert tree.node is not None
    assert len(tree.node.children) + tree.node.left_out == 100_000
    assert len(tree.node.children) < 2_001
    turns = [{"role": "user", "content": str(n)} for n in range(1_000)]
    (chat,) = blocks("input", {"x": turns}, {"input.x": "chat"}, frame)
    assert (len(chat.turns), chat.turns[-1].body, chat.earlier) == (100, "999", True)
    assert chat.more is not None
    assert chat.more.said == "Show 900 earlier turns"
    (table,) = blocks("input", {"x": [{f"c{n}": n for n in range(50)}] * 400}, {"input.x": "table"}, frame)
    assert (len(table.rows), len(table.columns)) == (200, 40)
    assert table.note == "10 more columns are left out; the whole is in the API's answer."
    assert table.more is not None
    assert table.more.said == "Show 200 more rows"


@given(st.text(max_size=300), st.integers(0, 300))
def test_the_parts_of_a_text_are_the_whole_of_it(text: str, start: int) -> None:
    """Line ends between chunks are the blocks' own; nothing else is lost or said twice."""
    found = content.part(content.Frame("/x", whole={"input": {"t": text}}), "/input/t", start, "")
    if found is None:
        assert start >= len(text)
    else:
        assert "\n".join(str(each) for each in found.chunks) == str(content.visible(text[start:]))


def test_further_parts_of_conversations_and_tables_join_up() -> None:
    turns = [{"role": "user", "content": str(n)} for n in range(1_000)]
    frame = content.Frame("/x", whole={"input": {"x": turns}}, view={"input.x": "chat"})
    (shown,) = blocks("input", {"x": turns}, frame.view, frame)
    seen = [turn.body for turn in shown.turns]
    while shown.more is not None:
        query = dict(parse_qsl(urlsplit(shown.more.url).query))
        found = content.part(frame, query["at"], int(query["from"]), query["as"])
        assert found is not None
        shown = found
        seen = [turn.body for turn in shown.turns] + seen
    assert seen == [str(n) for n in range(1_000)]
    assert content.part(frame, "/input/nothing", 0, "") is None
    assert content.part(frame, "/signals", 0, "json") is None
    assert content.part(frame, "/input/x", 1_001, "chat") is None


def test_a_text_of_nothing_but_unseen_characters_does_not_swell_the_page() -> None:
    shown = str(content.visible("\u202e" * 100_000))
    assert shown.count("⟨U+202E⟩") == 100_000
    assert shown.count("<span") == 1_000
    assert len(shown) < 1_000_000


def test_one_line_says_what_an_item_is_about() -> None:
    assert content.brief({"text": "My  card\nnever came", "lang": "en"}) == "My card never came · en"
    assert content.brief({"image": data_uri(png()), "n": 3}) == "picture · 3"


ISOLATED = [
    ("abc", "abc"),
    ("שלום", "<bdi>שלום</bdi>"),
    ("a\nשש\nb", "a\n<bdi>שש</bdi>\nb"),
    ("<b>ש", "<bdi>&lt;b&gt;ש</bdi>"),
]


@pytest.mark.parametrize(("text", "shown"), ISOLATED, ids=range(len(ISOLATED)))
def test_lines_from_right_to_left_are_kept_to_themselves(text: str, shown: str) -> None:
    assert content.visible(text) == shown


def test_piled_up_marks_are_cut_and_counted_and_four_are_let_be() -> None:
    assert content.visible("a" + "\u0301" * 4 + "b") == "a" + "\u0301" * 4 + "b"
    assert content.reveal("a" + "\u0301" * 24 + "b") == "a" + "\u0301" * 4 + "⟨+20 marks⟩b"
    assert 'title="marks piled on one letter"' in content.visible("a" + "\u0301" * 24)
    for written in ("Tiếng Việt", "ภาษาไทย", "עִבְרִית", "العَرَبِيَّة", "हिन्दी", "한국어"):
        assert content.reveal(written) == written


def test_letters_of_another_script_within_a_word_are_marked_and_stay() -> None:
    shown = content.visible("pаypal, мир, 5 µs, αβ")  # noqa: RUF001  the second letter is Cyrillic
    assert shown.count("<mark ") == 1
    assert shown.striptags() == "pаypal, мир, 5 µs, αβ"  # noqa: RUF001  one letter is Cyrillic
    assert content.reveal("pаypal") == "pаypal"  # noqa: RUF001  one letter is Cyrillic


def test_what_is_hidden_in_a_field_is_named_once_each() -> None:
    assert content.unseen("plain text\n") == ""
    assert content.unseen("a\u202eb\u202ec\u200bd").striptags() == "⟨U+202E⟩ ⟨U+200B⟩"
