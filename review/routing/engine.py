"""What the CEL engine says of a condition that it cannot read or evaluate; a test provokes each of these."""

from typing import Final

from review.kernel.catalogue import N_
from review.kernel.foreign import English, Phrases
from review.kernel.sentences import say
from review.routing.named import NotLoaded

THE_END: Final = say("the end")  # of a condition, for what the engine writes as `'<EOF>'`
_KINDS: Final = {
    "str": say("text"),
    "float": say("a number"),
    "int": say("a number"),
    "NoneType": "null",
    "list": say("a list"),
    "dict": say("an object"),
    "datetime": say("a time"),
    "timedelta": say("a duration"),
}
_SOMETHING: Final = say("something")


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


def kind_of(value: object) -> str:
    """Name the kind of a value."""
    return _KINDS.get(type(value).__name__, _SOMETHING)


def in_words(fault: Exception) -> str:
    """Say why a condition could not be evaluated, of a fault of the engine or of what it called."""
    if isinstance(fault, KeyError):
        return say("the field %(field)s is missing", field=repr(str(fault.args[0])[:100]))
    if isinstance(fault, IndexError):
        return say("a list is shorter than the condition expects")
    if NotLoaded.__name__ in str(fault):
        return say("a list that it looks in is not loaded")
    if isinstance(fault, TypeError) or "Undefined variable or function" in str(fault):
        return say("a value is empty or of another kind than the condition expects")
    return ENGINE.of(str(fault).split("\n", 1)[0].partition(". ")[0][:200])
