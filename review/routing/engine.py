"""What the CEL engine says of a condition that it cannot read or evaluate; a test provokes each of these."""

from typing import Final

from review.kernel.catalogue import N_
from review.kernel.foreign import English, Phrases
from review.kernel.sentences import say

THE_END: Final = say("the end")  # of a condition, for what the engine writes as `'<EOF>'`


def _token(said: str) -> str:
    return THE_END if said == THE_END else said


ENGINE: Final = Phrases(
    N_("mismatched input %(input)s"),
    N_("extraneous input %(input)s"),
    N_("missing %(mark)s at %(input)s"),
    N_("no viable alternative at input %(input)s"),
    N_("token recognition error at: %(input)s"),
    N_("Incomplete `%(context)s` for `%(name)s` expression!"),
    N_("invalid argument to has() macro"),
    N_("argument must be a simple name"),
    N_("division by zero in CEL expression"),
    N_("Arithmetic overflow in %(function)s on %(one)s and %(other)s."),
    N_("Arithmetic overflow in %(function)s on %(one)s and %(other)s"),
    N_("Function %(function)s error: premature end of input"),
    N_("Function %(function)s error: input is out of range"),
    N_("Function %(function)s error: integer overflow"),
    N_("Function %(function)s error: unsigned integer overflow"),
    N_("Function %(function)s error: string parse error: invalid float literal"),
    N_("Function %(function)s error: input contains invalid characters"),
    N_("Function %(function)s error: %(what)s"),
    gaps={"what": (".+", English), "input": (".+", _token)},
)
