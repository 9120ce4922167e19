"""What a browser would post for a form that nobody touched: the successful controls of the HTML that it really is."""

from html.parser import HTMLParser

from review.kernel.resources import static_dir, templates_dir
from review.web import forms
from review.web.pages.environment import build_environment

Pairs = list[tuple[str, str]]

_PAGE = '{% from "components/field.html" import field with context %}<form>{{ field(it, none, true) }}</form>'
_ENVIRONMENT = build_environment(templates_dir(), static_dir())
_TEMPLATE = _ENVIRONMENT.from_string(_PAGE)


def html_of(form: forms.Field) -> str:
    """Render a form as the desk does."""
    return _TEMPLATE.render(it=form, reshape="/reshape")


def posted(html: str) -> Pairs:
    """Collect the names and values of a form's successful controls, line ends as browsers send them."""
    browser = _Browser()
    browser.feed(html)
    browser.close()
    return browser.pairs


class _Browser(HTMLParser):
    """As much of a browser as a form needs: inputs, text areas, and lists to choose from."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pairs: Pairs = []
        self._area: tuple[str, list[str]] | None = None
        self._list: tuple[str, list[tuple[str, bool, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and "name" in given and "disabled" not in given:
            self._input(given)
        elif tag == "textarea":
            self._area = (given["name"], [])
        elif tag == "select":
            self._list = (given["name"], [])
        elif tag == "option" and self._list is not None:
            self._list[1].append((given["value"], "selected" in given, "disabled" in given))

    def _input(self, given: dict[str, str]) -> None:
        kind, value = given.get("type", "text"), given.get("value", "")
        if kind in {"radio", "checkbox"}:
            self.pairs += [(given["name"], value)] * ("checked" in given)
        elif kind == "hidden":
            self.pairs.append((given["name"], value))
        else:
            self.pairs.append((given["name"], value.replace("\r", "").replace("\n", "")))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            text = "".join(self._area[1]).replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.pairs.append((self._area[0], text.replace("\n", "\r\n")))
            self._area = None
        elif tag == "select" and self._list is not None:
            name, options = self._list
            chosen = next((option for option in reversed(options) if option[1]), None)
            chosen = chosen or next((option for option in options if not option[2]), None)
            if chosen is not None and not chosen[2]:
                self.pairs.append((name, chosen[0]))
            self._list = None
