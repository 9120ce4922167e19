"""What a model version is called, and which ones are cleared; no I/O."""

from typing import Any, Final, Literal, NamedTuple

import msgspec

from review.items.schemas import Model

State = Literal["seen", "waiting", "cleared", "revoked"]
BEFORE: Final = "seen before clearing was asked for"


class Called(NamedTuple):
    """How items name what made them; what an item does not say is empty.

    Items that name no model at all are a version of their own, or clearing could be passed by by saying less.
    """

    name: str = ""
    version: str = ""
    prompt_version: str = ""

    @classmethod
    def by(cls, model: Model | None) -> "Called":
        """Give what an item's model is called."""
        return cls() if model is None else cls(model.name, model.version or "", model.prompt_version or "")

    @classmethod
    def of(cls, row: Any) -> "Called":
        """Read it from a row."""
        return cls(row["name"], row["version"], row["prompt_version"])

    def __str__(self) -> str:
        """Give it as one text, as `intent-clf@7, prompt p7`."""
        text = f"{self.name}@{self.version}" if self.version else self.name or "no model named"
        return f"{text}, prompt {self.prompt_version}" if self.prompt_version else text


class Cleared(msgspec.Struct, frozen=True):
    """The model versions of which rules may decide items where a project asks for clearing; none unless said."""

    versions: frozenset[Called] = frozenset()
    is_all: bool = False

    def has(self, model: Model | None) -> bool:
        """Tell whether what made an item is cleared; what nobody has seen is not."""
        return self.is_all or Called.by(model) in self.versions


NONE: Final = Cleared()
ALL: Final = Cleared(is_all=True)


def first_state(*, is_asked: bool, is_from_before: bool) -> State:
    """Give the state in which a version is registered when its first item has come."""
    if not is_asked:
        return "seen"
    return "cleared" if is_from_before else "waiting"


def may_clear(state: str) -> bool:
    """Tell whether there is something to clear."""
    return state != "cleared"


def may_revoke(state: str) -> bool:
    """Tell whether there is something to take back."""
    return state in {"seen", "cleared"}
