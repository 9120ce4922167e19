"""Text that somebody else wrote: what the eye cannot see is made visible, and nothing beside it is turned around."""

import re
from itertools import islice
from typing import Final

from markupsafe import Markup, escape

from review.kernel.unseen import HIDDEN, code_point
from review.web.words.catalogue import N_, gettext, ngettext

MAX_BADGES = 1_000  # each is seventy times as long as what it stands for

# Marks that stand on the letter before them. No writing puts a fifth there; piled up they cover the lines around.
_MARK = (
    "[\u0300-\u034e\u0350-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06dc\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_PILED = f"(?<={_MARK}{{4}}){_MARK}+"
# Letters of another script within a Latin word: they look like Latin ones and are not.
_MIXED = (
    "(?P<mixed>(?<=[A-Za-z])[\u0400-\u04ff]+|[\u0400-\u04ff]+(?=[A-Za-z])|(?<=[A-Za-z])[\u0391-\u03c9]+(?=[A-Za-z]))"
)
_UNSEEN = re.compile(f"{HIDDEN}|{_PILED}")
_ODD = re.compile(f"{HIDDEN}|{_PILED}|{_MIXED}")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"  # scripts written that way
)
_NAMES: Final = {
    0x00AD: N_("soft hyphen"),
    0x034F: N_("grapheme joiner"),
    0x061C: N_("Arabic letter mark"),
    0x200B: N_("zero-width space"),
    0x200C: N_("zero-width non-joiner"),
    0x200D: N_("zero-width joiner"),
    0x200E: N_("left-to-right mark"),
    0x200F: N_("right-to-left mark"),
    0x2028: N_("line separator"),
    0x2029: N_("paragraph separator"),
    0x202A: N_("left-to-right embedding"),
    0x202B: N_("right-to-left embedding"),
    0x202C: N_("end of direction"),
    0x202D: N_("left-to-right override"),
    0x202E: N_("right-to-left override"),
    0x2060: N_("word joiner"),
    0x2066: N_("left-to-right isolate"),
    0x2067: N_("right-to-left isolate"),
    0x2068: N_("first-strong isolate"),
    0x2069: N_("end of isolate"),
    0x2800: N_("blank pattern"),
    0xFEFF: N_("byte order mark"),
}


def reveal(text: str) -> str:
    """Write each unseen character as its code point in angle brackets, in plain text."""
    return _UNSEEN.sub(lambda match: _label(match[0]), _one_line_end(text))


def visible(text: str) -> Markup:
    """Escape a text, with each unseen character as a badge that names it; beyond a thousand as its code point alone.

    Lines in a script that runs from right to left are isolated, so that they turn nothing around but themselves.
    """
    text = _one_line_end(text)
    if text.isascii() and text.isprintable():
        return escape(text)  # most of what pages print
    parts: list[Markup] = []
    place = 0
    for match in islice(_ODD.finditer(text), MAX_BADGES):
        parts += (escape(text[place : match.start()]), _badge(match))
        place = match.end()
    parts.append(escape(reveal(text[place:])))
    return _isolated(Markup("").join(parts))


def unseen(text: str) -> Markup:
    """Name the unseen characters of a text, each once; nothing where there are none."""
    found = dict.fromkeys(match[0] for match in islice(_UNSEEN.finditer(_one_line_end(text)), MAX_BADGES))
    return Markup(" ").join(visible(each) for each in list(found)[:8] if _UNSEEN.fullmatch(each))


def _isolated(markup: Markup) -> Markup:
    if not _RIGHT_TO_LEFT.search(markup):
        return markup
    lines = (f"<bdi>{line}</bdi>" if _RIGHT_TO_LEFT.search(line) else line for line in str(markup).split("\n"))
    return Markup("\n".join(lines))  # noqa: S704  what was markup before


def _badge(match: re.Match[str]) -> Markup:
    found = match[0]
    if match["mixed"]:
        return Markup('<mark title="{}">{}</mark>').format(
            gettext("letters of another script within a Latin word"), found
        )
    return Markup('<span class="unseen" title="{}">{}</span>').format(_name(found), _label(found))


def _label(found: str) -> str:
    return (
        ngettext("⟨+%(num)s mark⟩", "⟨+%(num)s marks⟩", len(found)) if re.match(_MARK, found) else code_point(found[0])
    )


def _name(found: str) -> str:
    code = ord(found[0])
    if re.match(_MARK, found):
        return gettext("marks piled on one letter")
    if 0xFE00 <= code <= 0xFE0E or 0xE0100 <= code <= 0xE01EF:
        return gettext("variation selector")
    return gettext(_NAMES.get(code, N_("hidden tag") if code >= 0xE0000 else N_("control character")))


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n")
