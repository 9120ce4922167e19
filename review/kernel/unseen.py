"""Characters that the eye cannot see, or that steer what shows them: which they are, and how they are written out."""

import re
from typing import Final

# Control characters, bidirectional overrides, blanks without width, and the tag block that hides whole sentences.
# Joiners stay inside scripts and emoji that need them, and count where ASCII stands on either side.
HIDDEN: Final = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff]|(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f])"
)
_HIDDEN = re.compile(HIDDEN)


def code_point(character: str) -> str:
    """Write a character as its code point in angle brackets."""
    return f"⟨U+{ord(character):04X}⟩"


def written_out(text: str) -> str:
    """Write out each hidden character of a text; line ends and tabs stay."""
    return _HIDDEN.sub(lambda match: code_point(match[0]), text.replace("\r\n", "\n"))
