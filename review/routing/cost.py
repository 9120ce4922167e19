"""What a condition costs at most, told from its tokens before any item comes along; in steps, of which none is slow."""

from collections.abc import Sequence

from review.routing.reading import MACROS
from review.routing.tokens import Token

# `filter` and a look-up inside `all` take time by the square of the list: 43 ms for 1,000 elements, 0.7 s for 4,000.
MAX_MACRO_ELEMENTS = 1_000
MAX_STEPS = 5_000_000
MAX_STEPS_OF_RULES = 100_000_000
_MATCHES = 50  # the engine compiles the pattern each time


def steps_of(tokens: Sequence[Token]) -> int:
    """Estimate the steps of a condition.

    One for each token; inside a macro as often as it goes round, and there a look-up in a list, or `filter`, goes
    round once more each time.
    """
    total, depth, inside = 0, 0, -1
    for at, token in enumerate(tokens):
        opens = token.text == "("
        if opens and at and tokens[at - 1].text in MACROS and at > 1 and tokens[at - 2].text == ".":
            inside = depth if inside < 0 else inside
            total += MAX_MACRO_ELEMENTS**2 if tokens[at - 1].text == "filter" else 0
        depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
        if inside >= 0 and depth <= inside:
            inside = -1
        each = _MATCHES if token.text == "matches" else 1
        if token.text == "in" and inside >= 0 and not _is_short(tokens, at):
            each = MAX_MACRO_ELEMENTS
        total += each * (MAX_MACRO_ELEMENTS if inside >= 0 else 1)
    return total


def _is_short(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether the look-up is by hash, or in a list that stands in the condition and is counted with it."""
    return at + 1 < len(tokens) and tokens[at + 1].text in {"lists", "["}
