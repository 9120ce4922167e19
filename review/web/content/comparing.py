"""Where two texts differ, word by word, as one text with what went and what came."""

import re
from difflib import SequenceMatcher

from markupsafe import Markup

from review.web.content.text import visible

MOST_WORDS = 3_000  # of each; comparing takes the product in the worst case
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def differences(before: str, after: str) -> Markup | None:
    """Show a text with its changes into another; None where they are too long to be compared."""
    old, new = _words(before), _words(after)
    if len(old) > MOST_WORDS or len(new) > MOST_WORDS:
        return None
    parts: list[Markup] = []
    for tag, start, end, begin, stop in SequenceMatcher(None, old, new).get_opcodes():
        gone, come = visible("".join(old[start:end])), visible("".join(new[begin:stop]))
        if tag == "equal":
            parts.append(gone)
            continue
        parts += [Markup("<del>{}</del>").format(gone)] if gone else []
        parts += [Markup("<ins>{}</ins>").format(come)] if come else []
    return Markup("").join(parts)


def _words(text: str) -> list[str]:
    found: list[str] = []
    for match in _WORD.finditer(text):
        found.append(match[0])
        if len(found) > MOST_WORDS:
            break
    return found
