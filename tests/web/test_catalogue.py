"""The words of the pages come from one catalogue, which a made-up language replaces whole."""

import re
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from review.kernel.resources import static_dir, templates_dir
from review.web.pages.environment import build_environment
from review.web.words import catalogue
from review.web.words.catalogue import Languages
from tests.make import World
from tests.web.test_pages import HTML, sign_in, take

POT = Path(catalogue.__file__).parent / "countersign.pot"
MADE_UP = "qps"
ACCENTED = str.maketrans("aeiouAEIOUcnsyz", "áéíóúÁÉÍÓÚçñšýž")
KEPT = re.compile(r"%\(\w+\)s|%%|<[^>]*>|&\w+;")

# Templates that still have words of their own, outside of any sentence that the catalogue has. What Python writes for
# pages (times, stories, keys, labels) is not asked here: ADR 0040 says how that stands.
NOT_YET = frozenset(
    {
        "_bulk_act.html",
        "_deliveries.html",
        "account.html",
        "api.html",
        "audit.html",
        "bulk_mine.html",
        "bulk_preview.html",
        "clocks.html",
        "components/bulk.html",
        "components/control.html",
        "components/field.html",
        "components/marks.html",
        "delivery.html",
        "keys.html",
        "notifications.html",
        "people.html",
        "preferences.html",
        "sign_in_linked.html",
        "stops.html",
        "styleguide.html",
        "webhook.html",
    }
)

BARE = re.compile(
    r"\{%-?\s*trans\b.*?endtrans\s*[+-]?%\}|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}"
    r"|<(svg|code|kbd)\b.*?</\1>|<[^<>]*translate=\"no\"[^<>]*>[^<]*</\w+>",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r'\s(?:aria-label|aria-description|title|placeholder|alt|data-does)="([^"]*)"')
TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')
ENTITY = re.compile(r"&\w+;|&#\d+;")
WORD = re.compile(r"[^\W\d_]{2,}")


def marked(message: str) -> str:
    """Write a message in the made-up language: accented, in brackets, with its placeholders and markup as they are."""
    kept = KEPT.findall(message)
    parts = [part.translate(ACCENTED) for part in KEPT.split(message)]
    return "[" + "".join(part + (kept[at] if at < len(kept) else "") for at, part in enumerate(parts)) + "]"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    root = tmp_path_factory.mktemp("words")
    words = Catalog(domain=catalogue.DOMAIN)
    for message in read_po(BytesIO(POT.read_bytes())):
        if isinstance(message.id, str):
            if message.id:
                words.add(message.id, marked(message.id))
        else:
            words.add(message.id, tuple(marked(form) for form in message.id))
    place = root / MADE_UP / "LC_MESSAGES" / f"{catalogue.DOMAIN}.mo"
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        write_mo(file, words)
    return Languages(root)


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ("", "en"),
        ("qps", "qps"),
        ("QPS-at, en;q=0.5", "qps"),
        ("en-GB, qps;q=0.9", "en"),
        ("qps;q=0.2, en;q=0.8", "en"),
        ("de, fr;q=0.9, qps;q=0.1", "qps"),
        ("qps;q=0", "en"),
        ("qps;q=many, ;;,=", "en"),
        ("qps;q=nan", "en"),
        ("*", "en"),
        ("../../etc", "en"),
    ],
)
def test_a_language_is_the_best_liked_of_those_there_are(made_up: Languages, wishes: str, chosen: str) -> None:
    assert made_up.choose(wishes) == chosen


def test_what_is_printed_in_a_sentence_is_escaped_and_made_visible() -> None:
    environment = build_environment(templates_dir(), static_dir())
    source = (
        '<p>{% trans who=name, at=name %}<a href="/{{ at }}">Seen</a> by {{ who }} at 100 %{% endtrans %}</p>'
        "{{ _('Given by %(who)s', who=name) }}"
    )
    html = environment.from_string(source).render(name="a\u202e<b>")
    assert "<b>" not in html
    address, shown = html.split("Seen")[0], html.split("Seen")[1].split("</p>")[0]
    assert "\u202e" in address, "an address stays what it is"
    assert "\u202e" not in shown
    assert "at 100 %" in shown


def test_a_number_has_its_form_and_names_may_be_called_anything() -> None:
    source = (
        "{% trans count=n, message='a' %}{{ count }} item {{ message }}"
        "{% pluralize count %}{{ count }} items{% endtrans %}"
    )
    page = build_environment(templates_dir(), static_dir()).from_string(source)
    assert (page.render(n=1), page.render(n=2)) == ("1 item a", "2 items")


def test_no_template_has_words_that_the_catalogue_does_not_know() -> None:
    bare = {name: found for name in _templates() if (found := _bare(name))}
    assert {name: found for name, found in bare.items() if name not in NOT_YET} == {}
    assert set(bare) >= NOT_YET, "take out of NOT_YET what is done"


async def test_pages_speak_the_readers_language(
    http: httpx.AsyncClient, world: World, made_up: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_installed", made_up)
    await sign_in(http, world)
    url, _ = await take(http, world)
    seen = {"/p/support": "What waits for you", "/p/support/queue": "More to ask for", url: "What the model saw"}
    for path, sentence in seen.items():
        html = (await http.get(path, headers=HTML | {"accept-language": "qps, en;q=0.5"})).text
        assert '<html lang="qps"' in html
        assert marked(sentence) in html, path
        assert f">{sentence}<" not in html, path
        assert marked("Skip to the content") in html
        english = (await http.get(path, headers=HTML | {"accept-language": "de, en;q=0.5"})).text
        assert '<html lang="en"' in english
        assert f">{sentence}<" in english


def _templates() -> list[str]:
    return [path.relative_to(templates_dir()).as_posix() for path in sorted(templates_dir().rglob("*.html"))]


def _bare(name: str) -> list[str]:
    """Find the words of a template that stand outside of its sentences."""
    html = BARE.sub("", (templates_dir() / name).read_text())
    told = ATTRIBUTE.findall(html)
    texts = TAG.sub("\n", html).split("\n")
    return [each.strip() for each in told + texts if WORD.search(ENTITY.sub("", each).replace("Countersign", ""))]
