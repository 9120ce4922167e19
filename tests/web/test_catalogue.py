"""The words of the pages come from one catalogue, which a made-up language replaces whole."""

import json
import re
from collections.abc import Iterator
from gettext import NullTranslations
from html import unescape as html_unescape
from pathlib import Path

import httpx
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from jinja2 import nodes

from review.audit.rules import Action
from review.kernel import catalogue
from review.kernel.catalogue import Languages
from review.kernel.db import Database
from review.kernel.resources import static_dir, templates_dir
from review.kernel.settings import Settings
from review.web.pages import script_words
from review.web.pages.acts import ACTS
from review.web.pages.environment import build_environment
from review.web.pages.words import humanise
from tests.make import OF_A_PAGE, World
from tests.web import matrix
from tests.web.left_over import left_over
from tests.web.made_up import install, marked
from tests.web.scene import Scene, addressed, unknown
from tests.web.test_pages import HTML, sign_in, take, token

DEVELOPMENT = {"styleguide.html": "of development only, with made-up words in every component"}
BARE = re.compile(
    r"\{%-?\s*trans\b.*?endtrans\s*[+-]?%\}|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}"
    r"|<(svg|code|kbd)\b.*?</\1>|<[^<>]*translate=\"no\"[^<>]*>[^<]*</\w+>",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r'\s(?:aria-label|aria-description|title|placeholder|alt|data-does)="([^"]*)"')
TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')
ENTITY = re.compile(r"&\w+;|&#\d+;")
ATTRIBUTES = re.compile(r'(?:[\w-]+="[^"]*"|autofocus|data-[\w-]+)(?:\s+(?:[\w-]+="[^"]*"|autofocus|data-[\w-]+))*')
BY_SCRIPT = re.compile(r'\bsay\("([^"]+)"|"([^"]*%\(\w+\)s[^"]*)"')
OWN_NUMBER = re.compile(r"%[.\d*]+[fg]\W+format")
WORD = re.compile(r"[^\W\d_]{2,}")
SAYS = {"badge": 1, "flash": 1, "empty": 2}  # components, and how many of their arguments are read
SAID = re.compile(r"^[A-Z][a-z]+ |^[A-Z][a-z]+$|[a-z]{2,} [a-z]{2,}|[a-z]{2,}[.,:] |^, [a-z]")
# What somebody types, keys, and classes of a stylesheet: the strings of templates that only look like words.
COMMANDS = frozenset(
    {
        "Enter",
        "review apply project.yaml",
        "review users create --project PROJECT --email ",
        " --role reviewer --pool POOL",
        "light dark",
    }
)

# Refusals of several packages, and what a document can have wrong with it; seen in one language, as all are made alike.
SEEN = {
    "404 endpoint_not_found",
    "404 item_not_found",
    "404 person_not_found",
    "409 nothing_escalated",
    "409 not_stopped",
    "410 link_not_good",
    "422 backtest_invalid",
    "422 bulk_invalid",
    "422 identity_invalid",
    "422 snooze_invalid",
}
FAULTY = """
project: support
item_types: [a]
pools: {triage: {lease: 1y, colour: red}}
rules:
  - {name: rest, when: 'true', then: {review: nobody}}
  - {name: broken, when: 'item.confidence <', then: {approve: true}}
  - {name: odd, when: 'item.confidnce < 0.8 && item.tags % 2', then: {approve: true}}
default_pool: triages
"""
# What ended as it did, by the words that the packages below the pages have for it; the scene has none, or a name.
STORED = (
    "UPDATE deliveries SET reason = 'tried 3 times, the last with: no connection: Connection refused'",
    "UPDATE snapshots SET state = 'failed', ended_at = now(), error = 'The disk refused: [Errno 28] It is full.'",
    "UPDATE erasures SET error = 'It failed for a reason that the server''s log tells.'",
    "UPDATE rollouts SET state = 'ended', ended_at = now(), ended_by = 'timer', because = 'Version 2 became active.'",
    "UPDATE bulk_items SET state = 'left_out', why = 'invalid', said = 'output.label must be one of `a`, `b`'",
    """UPDATE item_bodies SET route = jsonb_set(route::jsonb, '{error}',
       '"rule low: a list is longer than the 1000 elements that a condition goes through"')::json""",
    """INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, action, item_id, details)
       SELECT project_id, gen_random_uuid(), 'timer', 'escalation policy ladder', each.action, id, each.told::json
       FROM items, (VALUES ('escalation.step_taken', '{"step": 2, "policy": "1", "done": ["notified 1@2.3"]}'),
                           ('case.escalated', '{"to": "1"}')) AS each (action, told)""",
)
NO_YAML = ("a: b: c", "a: [1", 'a: "\\y"', "- @")
CODE = re.compile(r'<p class="small soft">(\d{3} \w+)</p>')
ENDING = re.compile(r"/sign-out|/sessions/")  # what would sign the caller out


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    return install(tmp_path_factory.mktemp("words"))


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
    assert {name: found for name, found in bare.items() if name not in DEVELOPMENT} == {}
    assert set(bare) >= set(DEVELOPMENT), "take out of DEVELOPMENT what has none"


def test_no_template_gives_a_component_words_that_the_catalogue_does_not_know() -> None:
    environment = build_environment(templates_dir(), static_dir())
    for name in _templates():
        page = environment.parse((templates_dir() / name).read_text())
        given = [said for said in _given(page) if said not in COMMANDS]
        assert name in DEVELOPMENT or not given, f"{name}: {given}"


def test_no_template_writes_a_number_past_the_catalogue() -> None:
    """Where English has a point or a comma another language has something else: the filter is `number`."""
    assert [name for name in _templates() if OWN_NUMBER.search((templates_dir() / name).read_text())] == []


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
        given = json.loads(html_unescape(html.split(' data-words="')[1].split('"')[0]))
        counted = {message: "|".join(map(marked, message.split("|"))) for message in script_words.COUNTED}
        assert given.pop("") == "10" + "1" * 198
        assert given == {message: marked(message) for message in script_words.SAID} | counted
        english = (await http.get(path, headers=HTML | {"accept-language": "de, en;q=0.5"})).text
        assert "data-words" not in english
        assert '<html lang="en"' in english
        assert f">{sentence}<" in english


async def test_no_page_says_anything_in_english(
    http: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    made_up: Languages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every page of the application, with something of everything on it; what is data says so with `translate`."""
    monkeypatch.setattr(catalogue, "_installed", made_up)
    scene = await Scene.build(http, db, settings, "admin")
    for statement in STORED:
        await db.hot.execute(statement)
    http.cookies.clear()
    headers = HTML | {"accept-language": "qps", "cookie": f"countersign={scene.caller.cookie}"}
    left: dict[str, list[str]] = {}
    seen = 0
    for route in matrix.routes():
        if route.method != "GET" or route.is_api or route.path.startswith("/styleguide") or "live" in route.path:
            continue
        answer = await http.get(addressed(route, scene.own), headers=headers)
        if answer.status_code == 200 and "<html" in answer.text:
            seen += 1
            assert '<html lang="qps" dir="ltr"' in answer.text
            if words := left_over(answer.text):
                left[route.name] = words
    assert seen >= 25, "the pages are there"
    assert left == {}


async def test_no_refusal_says_anything_in_english(
    http: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    made_up: Languages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a page can be asked to do: with nothing filled in, and for what is nowhere."""
    monkeypatch.setattr(catalogue, "_installed", made_up)
    scene = await Scene.build(http, db, settings, "admin")
    http.cookies.clear()
    headers = HTML | OF_A_PAGE | {"accept-language": "qps", "cookie": f"countersign={scene.caller.cookie}"}
    left: dict[str, list[str]] = {}
    codes: set[str] = set()
    for route in matrix.routes():
        if route.method != "POST" or route.is_api or ENDING.search(route.path):
            continue
        for form, things in (({}, scene.own), (route.row.form, unknown())):
            data = {"_csrf": scene.caller.csrf, **form}
            answer = await http.post(addressed(route, things), data=data, headers=headers)
            if answer.status_code >= 400 and "<html" in answer.text:
                code = set(CODE.findall(answer.text))
                codes |= code
                if words := [each for each in left_over(answer.text) if each not in code]:
                    left[f"{route.name} {answer.status_code}"] = words
    assert codes >= SEEN
    assert left == {}

    form = {"_csrf": scene.caller.csrf, "source": FAULTY}
    checked = (await http.post("/p/support/rules/edit", data=form, headers=headers)).text
    assert left_over(checked) == []
    assert checked.count("<li data-line=") == 7
    for source in NO_YAML:
        checked = (await http.post("/p/support/rules/edit", data=form | {"source": source}, headers=headers)).text
        assert (checked.count("<li data-line="), left_over(checked)) == (1, []), source
        assert 'lang="en"' not in checked, "the library's words are known"

    refused = {"accept": "application/json", "authorization": f"Bearer {scene.caller.secret}"}
    passkey = await http.post("/account/passkeys/begin", data={"_csrf": scene.caller.csrf}, headers=headers | refused)
    assert passkey.json()["errors"] == [{"path": "name", "message": marked("cannot be used")}], "a script shows it"
    item = await http.get(f"/api/v1/items/{scene.own['item_id']}x", headers=headers | refused)
    assert item.json()["detail"] == "There is nothing at this address. The calls are listed at /api.", (
        "a program reads it"
    )


def test_each_act_has_a_name_which_is_its_code_written_as_words() -> None:
    """Whoever adds an act names it in review/web/pages/acts.py, and tells it in a history if it is about an item."""
    assert {act: humanise(act.replace(".", " ")) for act in Action} == ACTS


def test_what_scripts_say_is_in_the_catalogue() -> None:
    scripts = {path.name: path.read_text() for path in static_dir().glob("*.js")}
    said = {text for script in scripts.values() for pair in BY_SCRIPT.findall(script) for text in pair if text}
    said |= set(re.findall(r'\btell\("([^"]+)"\)', scripts["spans.js"]))
    said |= {message for message in script_words.SAID if any(f'"{message}"' in script for script in scripts.values())}
    assert said == {*script_words.SAID, *script_words.COUNTED}
    null = NullTranslations()
    for message, form in script_words.COUNTED.items():
        assert message == f"{form(null, 1)}|{form(null, 2)}"


def test_what_scripts_say_with_a_number_has_the_forms_of_its_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polish has three: one, a few (2 to 4, but 12 to 14), many."""
    polish = Catalog(locale="pl", domain=catalogue.DOMAIN)
    polish.add("Do", "Zrób")
    polish.add(("%(n)s character left", "%(n)s characters left"), ("%(n)s znak", "%(n)s znaki", "%(n)s znaków"))
    place = tmp_path / "pl" / "LC_MESSAGES" / f"{catalogue.DOMAIN}.mo"
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        write_mo(file, polish)
    monkeypatch.setattr(catalogue, "_installed", Languages(tmp_path))
    assert script_words.given() == ""
    with catalogue.speaking("pl"):
        given = json.loads(script_words.given())
    forms = given["%(n)s character left|%(n)s characters left"].split("|")
    said = {n: forms[int(given[""][n if n < 200 else 100 + n % 100])] % {"n": n} for n in (1, 2, 5, 12, 22, 101, 1004)}
    assert [*said.values()] == ["1 znak", "2 znaki", "5 znaków", "12 znaków", "22 znaki", "101 znaków", "1004 znaki"]


@pytest.mark.parametrize(
    ("tag", "side"),
    [("en", "ltr"), ("he", "rtl"), ("ar-eg", "rtl"), ("ur-latn-pk", "ltr"), ("az-arab", "rtl"), ("de-at", "ltr")],
)
def test_a_language_says_from_which_side_it_is_read(tag: str, side: str) -> None:
    assert catalogue.direction(tag) == side


async def test_a_reader_chooses_a_language_where_there_is_one_to_choose(
    http: httpx.AsyncClient, world: World, made_up: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(http, world)
    english = HTML | {"accept-language": "en"}
    assert 'name="language"' not in (await http.get("/preferences", headers=english)).text
    monkeypatch.setattr(catalogue, "_installed", made_up)
    html = (await http.get("/preferences", headers=english)).text
    assert re.findall(r'name="language" value="(\w*)"( checked)?', html) == [
        ("", " checked"),
        ("en", ""),
        ("he", ""),
        ("qps", ""),
    ]
    form = {"_csrf": await token(http)}
    wrong = await http.post("/preferences", data=form | {"language": "tlh"}, headers=english)
    assert wrong.status_code == 422
    assert 'id="fault-language"' in wrong.text
    await http.post("/preferences", data=form | {"language": "qps"}, headers=english)
    html = (await http.get("/preferences", headers=english)).text
    assert '<html lang="qps"' in html
    assert marked("As my browser asks") in html
    monkeypatch.undo()
    assert '<html lang="en"' in (await http.get("/preferences", headers=english)).text, "it is not there any more"


async def test_a_page_from_right_to_left_says_so(
    http: httpx.AsyncClient, made_up: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_installed", made_up)
    for wishes, said in (("he-IL, en", 'lang="he" dir="rtl"'), ("en", 'lang="en" dir="ltr"')):
        assert f"<html {said}" in (await http.get("/sign-in", headers=HTML | {"accept-language": wishes})).text


def _templates() -> list[str]:
    return [path.relative_to(templates_dir()).as_posix() for path in sorted(templates_dir().rglob("*.html"))]


def _bare(name: str) -> list[str]:
    """Find the words of a template that stand outside of its sentences."""
    html = BARE.sub("", (templates_dir() / name).read_text())
    told = ATTRIBUTE.findall(html)
    texts = TAG.sub("\n", html).split("\n")
    said = [each.strip() for each in told + texts if WORD.search(ENTITY.sub("", each).replace("Countersign", ""))]
    return [each for each in said if not ATTRIBUTES.fullmatch(each)]


def _given(node: nodes.Node) -> Iterator[str]:
    """Find what is written as a string and looks like words, or is said by a component, outside of the catalogue."""
    called = node.node.name if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) else ""
    if called in {"_", "gettext", "ngettext"} or isinstance(node, nodes.Compare):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and SAID.search(node.value):
        yield from [] if "\n" in node.value else [node.value]  # lines of configuration to copy have more than one
    if isinstance(node, nodes.Call) and called in SAYS:
        yield from (each.value for each in node.args[: SAYS[called]] if isinstance(each, nodes.Const))
    for child in node.iter_child_nodes():
        yield from _given(child)
