"""Promise 25: whatever a template prints is made visible by where it stands, and no template has to think of it."""

import re

import pytest
from jinja2 import DictLoader, Environment
from markupsafe import Markup

from review.kernel.resources import static_dir, templates_dir
from review.web.pages.environment import build_environment

OVERRIDE = "a\u202eb"
BADGE = '<span class="unseen" title="right-to-left override">⟨U+202E⟩</span>'
SHOWN, TOLD, AS_IT_IS = f"a{BADGE}b", "a⟨U+202E⟩b", OVERRIDE


@pytest.fixture
def environment() -> Environment:
    return build_environment(templates_dir(), static_dir())


def render(environment: Environment, template: str, **others: str) -> str:
    environment.loader = DictLoader({"page": template} | others)
    return environment.get_template("page").render(it=OVERRIDE, here=True, tag=Markup("<b>x</b>"))


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("<p>{{ it }}</p>", SHOWN),
        ("{{ it }}", SHOWN),
        ("{{ it if here else 1 }}", SHOWN),
        ("{{ 'x' ~ it }}", f"x{SHOWN}"),
        ("{{ [it, it] | join(' ') }}", f"{SHOWN} {SHOWN}"),
        ("{{ it | upper }}", SHOWN.replace("a<", "A<").replace("b", "B", 0)[:-1] + "B"),
        ('<p{% if here %} class="x"{% endif %}>{{ it }}</p>', SHOWN),
        ('<p title="a > b">{{ it }}</p>', SHOWN),
        ("<textarea></textarea>{{ it }}", SHOWN),
        ("1 < 2 {{ it }}", SHOWN),
        ('<p title="{{ it }}">', TOLD),
        ('<p class="x" aria-label="of {{ it }}, {{ it }}">', TOLD),
        ("<option>{{ it }}</option>", TOLD),
        ("<title>{{ it }}</title>", TOLD),
        ("<title>{% block title %}{{ it }}{% endblock title %}</title>", TOLD),
        ('<input value="{{ it }}">', AS_IT_IS),
        ('<a href="/x?y={{ it }}">', AS_IT_IS),
        ("<textarea>\n{{ it }}</textarea>", AS_IT_IS),
        ('{% set about %}id="{{ it }}" name="{{ it }}"{% endset %}<p {{ about }}>', AS_IT_IS),
        ("{% macro one(it) %}<i>{{ it }}</i>{% endmacro %}<p>{{ one(it) }}</p>", SHOWN),
    ],
)
def test_each_place_prints_in_its_own_way(environment: Environment, template: str, printed: str) -> None:
    text = render(environment, template)
    assert printed in text
    assert ("\u202e" in text) == (printed == AS_IT_IS)


def test_a_title_that_is_given_to_the_page_s_head_is_told(environment: Environment) -> None:
    base = "<head><title>{% block title %}{% endblock title %}</title></head>{% block main %}{% endblock main %}"
    child = (
        '{% extends "base" %}{% block title %}{{ it }}{% endblock title %}{% block main %}{{ it }}{% endblock main %}'
    )
    assert render(environment, child, base=base) == f"<head><title>{TOLD}</title></head>{SHOWN}"


def test_markup_and_numbers_pass_as_they_are(environment: Environment) -> None:
    assert render(environment, "<p>{{ tag }} {{ 7 }} {{ none }} {{ 1.5 }}</p>") == "<p><b>x</b> 7 None 1.5</p>"


def test_what_is_undefined_still_breaks(environment: Environment) -> None:
    with pytest.raises(Exception, match="nowhere"):
        render(environment, "{{ nowhere }}")


def test_no_template_goes_around_it() -> None:
    templates = sorted(templates_dir().rglob("*.html"))
    assert templates
    for path in templates:
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape|<script(?! src)|<style|\son\w+=|style=|javascript:", text), path
        for tag in re.findall(r"<[a-zA-Z][^>{}]*\{\{", text):
            assert re.search(r"[\w-]=\"[^\"]*\{\{$| \{\{$", tag), f"{path}: {tag}: an attribute without quotes"
