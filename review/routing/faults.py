"""What keeps the engine from evaluating a condition, in words that say nothing of the engine; no I/O."""

from review.kernel.sentences import say
from review.routing.engine import ENGINE
from review.routing.named import NotLoaded

_KINDS = {
    "str": say("text"),
    "float": say("a number"),
    "int": say("a number"),
    "NoneType": "null",
    "list": say("a list"),
    "dict": say("an object"),
    "datetime": say("a time"),
    "timedelta": say("a duration"),
}
_SOMETHING = say("something")


def kind_of(value: object) -> str:
    """Name the kind of a value."""
    return _KINDS.get(type(value).__name__, _SOMETHING)


def in_words(fault: Exception) -> str:
    """Say in one sentence what an evaluation failed by."""
    if isinstance(fault, KeyError):
        return say("the field %(field)s is missing", field=repr(str(fault.args[0])[:100]))
    if isinstance(fault, IndexError):
        return say("a list is shorter than the condition expects")
    if NotLoaded.__name__ in str(fault):
        return say("a list that it looks in is not loaded")
    if isinstance(fault, TypeError) or "Undefined variable or function" in str(fault):
        return say("a value is empty or of another kind than the condition expects")
    return ENGINE.of(str(fault).split("\n", 1)[0].partition(". ")[0][:200])
