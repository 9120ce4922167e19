"""The models section of a document: whether new model versions wait until somebody clears them; no I/O."""

from collections.abc import Mapping
from typing import Any

import msgspec

from review.configuration.checks import Checks, mapping_of
from review.kernel.sentences import say


class Clearing(msgspec.Struct, frozen=True):
    """Whether rules may decide only what cleared model versions made, and of which types; `types` empty means all."""

    is_asked: bool = False
    types: tuple[str, ...] = ()

    def covers(self, item_type: str) -> bool:
        """Tell whether items of a type are held back until their model version is cleared."""
        return self.is_asked and (not self.types or item_type in self.types)


NOT_ASKED = Clearing()


def read_clearing(checks: Checks, given: object, types: Mapping[str, Any]) -> Clearing:
    """Check the models section: `models: {clear_new: true, types: [refund]}`."""
    if given is None:
        return NOT_ASKED
    section = mapping_of(given)
    if section is None:
        checks.add("models", say("must be a mapping, such as {clear_new: true}"))
        return NOT_ASKED
    checks.keys("models", section, ("clear_new", "types"))
    asked = section.get("clear_new", False)
    if not isinstance(asked, bool):
        checks.add("models.clear_new", say("must be true or false"))
    named = checks.texts("models.types", section.get("types"))
    for at, name in enumerate(named):
        checks.known(f"models.types[{at}]", name, types, say("item type"))
    if section.get("types") is not None and not named:
        checks.add("models.types", say("is empty; leave it out for all item types, or say `clear_new: false` for none"))
    return Clearing(asked is True, named)
