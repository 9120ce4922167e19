"""Text that somebody else wrote, with what the eye cannot see made visible."""

import re
from itertools import islice

from markupsafe import Markup, escape

MAX_BADGES = 1_000  # each is seventy times as long as what it stands for

# Control characters, bidirectional overrides, blanks without width, and the tag block that hides whole sentences.
# Joiners stay inside scripts and emoji that need them, and show where ASCII stands on either side.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
    "|(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f])"
)
_NAMES = {
    0x00AD: "soft hyphen",
    0x061C: "Arabic letter mark",
    0x200B: "zero-width space",
    0x200C: "zero-width non-joiner",
    0x200D: "zero-width joiner",
    0x200E: "left-to-right mark",
    0x200F: "right-to-left mark",
    0x202A: "left-to-right embedding",
    0x202B: "right-to-left embedding",
    0x202C: "end of direction",
    0x202D: "left-to-right override",
    0x202E: "right-to-left override",
    0x2060: "word joiner",
    0x2066: "left-to-right isolate",
    0x2067: "right-to-left isolate",
    0x2068: "first-strong isolate",
    0x2069: "end of isolate",
    0xFEFF: "byte order mark",
}


def reveal(text: str) -> str:
    """Write each unseen character as its code point in angle brackets, in plain text."""
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", _one_line_end(text))


def visible(text: str) -> Markup:
    """Escape a text, with each unseen character as a badge that names it; beyond a thousand as its code point alone."""
    parts: list[Markup] = []
    place = 0
    text = _one_line_end(text)
    for match in islice(_UNSEEN.finditer(text), MAX_BADGES):
        parts += (escape(text[place : match.start()]), _badge(ord(match[0])))
        place = match.end()
    parts.append(escape(reveal(text[place:])))
    return Markup("").join(parts)


def _badge(code: int) -> Markup:
    name = _NAMES.get(code, "hidden tag" if code >= 0xE0000 else "control character")
    return Markup('<span class="unseen" title="{}">⟨U+{:04X}⟩</span>').format(name, code)


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n")
