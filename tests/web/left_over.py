"""The words of a page that are neither of the made-up language nor data."""

import re
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "path", "rect", "polygon", "circle"})
UNREAD = frozenset({"script", "style", "svg", "code", "kbd", "textarea", "title"})
TOLD = frozenset({"aria-label", "aria-description", "title", "placeholder", "alt", "data-does", "label", "data-told"})
WORD = re.compile(r"[^\W\d_]{2,}")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SENTENCE = re.compile(r"\[[^\[\]]*\]")  # as the made-up language writes one; what stands in it may have some of its own


class Page(HTMLParser):
    """Reads a page's text and what its attributes tell, but for what says that it is not to be translated."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._within: list[tuple[str, bool]] = []  # the elements that are open, and whether they hold data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go into an element."""
        given = dict(attrs)
        asked = given.get("translate")
        is_foreign = tag != "html" and "lang" in given  # what says that it is in another language than the page
        is_data = asked == "no" or (self._is_data and asked != "yes") or tag in UNREAD or is_foreign
        if not is_data:
            self.said += [f"\n{value}\n" for name, value in attrs if name in TOLD and value]
        if tag not in VOID:
            self._within.append((tag, is_data))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass an element that holds nothing."""

    def handle_endtag(self, tag: str) -> None:
        """Come out of an element, and of those in it that need no end."""
        open_ones = [name for name, _ in self._within]
        if tag in open_ones:
            del self._within[len(open_ones) - 1 - open_ones[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        """Read some text."""
        if not self._is_data:
            self.said.append(data)

    @property
    def _is_data(self) -> bool:
        return bool(self._within) and self._within[-1][1]


def left_over(html: str) -> list[str]:
    """List what a page in the made-up language says outside of its sentences."""
    page = Page()
    page.feed(html)
    return unmarked("\n".join(page.said))


def unmarked(text: str) -> list[str]:
    """List the lines of a text in the made-up language that say something outside of its sentences."""
    before = ""
    while before != text:
        before, text = text, SENTENCE.sub("", text)
    return [line.strip() for line in text.splitlines() if WORD.search(ID.sub("", line))]
