"""Markdown as quiet HTML: no raw markup, no pictures, and every link as text with its address in sight."""

from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from review.web.content.text import reveal

MAX_CHARACTERS = 50_000  # beyond it a page shows the source: parsing takes about a second per million
_TAGS = frozenset(
    "p em strong del s code pre ul ol li blockquote h3 h4 h5 h6 hr br table thead tbody tr th td".split()  # noqa: SIM905  a line, not a column
)


def _image(_: RendererHTML, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
    token = tokens[idx]
    return f"[image: {escape(token.content)}] <code>{escape(_attribute(token, 'src'))}</code>"


def _link_open(_: RendererHTML, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
    return ""


def _link_close(_: RendererHTML, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
    start = next((place for place in range(idx, -1, -1) if tokens[place].type == "link_open"), idx)  # links never nest
    said = "".join(token.content for token in tokens[start + 1 : idx])
    address = _attribute(tokens[start], "href")
    return "" if said == address else f" <code>{escape(address)}</code>"


def _heading(_: RendererHTML, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
    token = tokens[idx]
    level = min(int(token.tag[1]) + 2, 6)  # the page's own headings stand above
    return f"<h{level}>" if token.nesting > 0 else f"</h{level}>\n"


def _attribute(token: Token, name: str) -> str:
    value: Any = token.attrGet(name)
    return str(value or "")


_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
for _name, _rule in {
    "image": _image,
    "link_open": _link_open,
    "link_close": _link_close,
    "heading_open": _heading,
    "heading_close": _heading,
}.items():
    _parser.add_render_rule(_name, _rule)


def render(source: str) -> Markup:
    """Render Markdown that nobody vouches for. Its tags are a short list, and none carries an attribute."""
    html = _parser.render(reveal(source))
    return Markup(nh3.clean(html, tags=set(_TAGS), attributes={}, link_rel=None))  # noqa: S704  what nh3 let through
