"""What keeps the engine from evaluating a condition, in words that say nothing of the engine; no I/O."""

from review.routing.named import NotLoaded

_KINDS = {
    "str": "text",
    "float": "a number",
    "int": "a number",
    "NoneType": "null",
    "list": "a list",
    "dict": "an object",
    "datetime": "a time",
    "timedelta": "a duration",
}


def kind_of(value: object) -> str:
    """Name the kind of a value."""
    return _KINDS.get(type(value).__name__, "something")


def in_words(fault: Exception) -> str:
    """Say in one sentence what an evaluation failed by."""
    if isinstance(fault, KeyError):
        return f"the field {str(fault.args[0])[:100]!r} is missing"
    if isinstance(fault, IndexError):
        return "a list is shorter than the condition expects"
    if NotLoaded.__name__ in str(fault):
        return "a list that it looks in is not loaded"
    if isinstance(fault, TypeError) or "Undefined variable or function" in str(fault):
        return "a value is empty or of another kind than the condition expects"
    return str(fault).split("\n", 1)[0].partition(". ")[0][:200]
