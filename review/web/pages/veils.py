"""Keeping what is sensitive from the eye until it is asked for; lists never show it."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from review.configuration.rules import ProjectConfig
from review.identity.preferences import Preferences
from review.items.types import ItemType
from review.web import content
from review.web.pages import words
from review.web.words.catalogue import gettext

MEDIA: Final = frozenset({"image", "audio", "video", "pdf"})
TEXT: Final = frozenset({"text", "markdown", "code", "json", "table", "chat", "choice", "facts", "diff", "spans"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Veil:
    """What lies over an item: which of its content, `text`, `media` or `all`, and how."""

    covers: str
    is_blurred: bool
    is_grey: bool
    is_muted: bool

    @property
    def is_of_text(self) -> bool:
        """Whether words are veiled, and so the form, the differences and whatever else repeats them."""
        return self.covers in {"text", "all"}

    @property
    def hides(self) -> bool:
        """Whether there is anything to be lifted by a control."""
        return self.is_blurred or self.is_grey

    @property
    def worn(self) -> str:
        """The classes of a page that it lies over."""
        kept = ("blurs", self.is_blurred), ("greys", self.is_grey), ("veils-words", self.is_of_text)
        return " ".join(["veils", *(name for name, is_so in kept if is_so)]) if self.hides else ""

    def is_over(self, kind: str) -> bool:
        """Tell whether it lies over a kind of content; over a kind that holds both, such as a pair, it always does."""
        return self.covers == "all" or kind not in (TEXT if self.covers == "media" else MEDIA)


def veil_of(config: ProjectConfig, item_type: ItemType) -> Veil | None:
    """Give the veil of an item as its reader wants it; None where nothing is sensitive, or they want to see it all.

    What the configuration in force says of the type counts, also for items that arrived before it; where it no longer
    has the type, the version that the item arrived under.
    """
    covers = config.item_types.get(item_type.name, item_type).sensitive
    own: Preferences = words.reader().preferences
    veil = Veil(
        covers=covers,
        is_blurred=_wanted(own.blur, is_usual=config.veil.blur),
        is_grey=_wanted(own.greyscale, is_usual=config.veil.greyscale),
        is_muted=_wanted(own.mute, is_usual=config.veil.mute),
    )
    return veil if covers != "off" and (veil.hides or veil.is_muted) else None


def hides_words(config: ProjectConfig, item_type: str) -> bool:
    """Tell whether what items of a type say is kept out of lists, whoever reads them.

    So it is too where the configuration no longer has the type, and cannot say that it is harmless.
    """
    known = config.item_types.get(item_type)
    return known is None or known.sensitive in {"text", "all"}


def brief(config: ProjectConfig, item_type: str, value: object) -> Markup:
    """Say the telling bit of an item in a line of a list; of what is sensitive, that it is not shown there."""
    return unshown() if hides_words(config, item_type) else content.brief(value)


def unshown() -> Markup:
    """Say in a list that something sensitive is not shown there."""
    return escape(gettext("not shown in lists"))


def _wanted(chosen: str, *, is_usual: bool) -> bool:
    return is_usual if chosen == "project" else chosen == "yes"
