"""What the browser is sent: small, and with nothing inline that the content security policy would have to allow."""

import re

import pytest

from review.kernel.resources import static_dir, templates_dir
from review.web.pages import specimens
from review.web.pages.environment import build_environment

TEMPLATES = sorted(templates_dir().rglob("*.html"))


def test_each_stylesheet_and_script_keeps_its_budget() -> None:
    assert (static_dir() / "countersign.css").stat().st_size < 20_000
    assert (static_dir() / "workbench.css").stat().st_size < 20_000, "on pages that show items alone"
    assert (static_dir() / "content.css").stat().st_size < 6_000, "beside workbench.css"
    for script in static_dir().glob("*.js"):
        assert script.stat().st_size < 8_192, script.name


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_has_the_contrast_of_level_aa(scheme: int) -> None:
    css = (static_dir() / "countersign.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    colours = {name: pair[scheme] for name, *pair in found}
    grounds = [colours[name] for name in ("paper", "card", "sunk")]
    for name in ("ink", "soft", "accent", "good", "warn", "bad"):
        assert min(contrast(colours[name], ground) for ground in grounds) >= 4.5, name
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert min(contrast(colours["edge"], ground) for ground in grounds) >= 3
    of_content = re.findall(
        r"\.(\S+) \{ (?:--mark|color): light-dark\((#\w{6}), (#\w{6})\)",
        (static_dir() / "content.css").read_text(encoding="utf-8"),
    )
    assert len(of_content) == 10
    for name, *pair in of_content:
        assert min(contrast(pair[scheme], ground) for ground in grounds) >= 4.5, name


def test_no_template_has_anything_inline() -> None:
    inline = r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|hx-vals|js:|\|\s*safe\b|autoescape"
    for template in TEMPLATES:
        source = template.read_text(encoding="utf-8")
        assert not re.search(inline, source), template
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source)), template
        assert not re.search(r"https?://", source), template


def test_every_post_form_carries_its_token() -> None:
    for template in TEMPLATES:
        source = template.read_text(encoding="utf-8")
        for form in re.findall(r'<form[^>]*method="post".*?</form>', source, re.DOTALL):
            assert 'name="_csrf" value="{{ csrf_token }}"' in form, template


def test_each_asset_is_named_after_its_content() -> None:
    environment = build_environment(templates_dir(), static_dir())
    named = environment.from_string("{{ 'countersign.css' | asset }}").render()
    assert re.fullmatch(r"/static/countersign\.css\?v=[0-9a-f]{12}", named)


def test_a_name_that_a_template_does_not_know_fails_loudly() -> None:
    environment = build_environment(templates_dir(), static_dir())
    with pytest.raises(Exception, match="nothing_of_that_name"):
        environment.from_string("{{ nothing_of_that_name }}").render()


def test_the_review_page_renders_every_kind_of_field_with_a_label() -> None:
    environment = build_environment(templates_dir(), static_dir())
    html = environment.get_template("_desk.html").render(
        desk=specimens.desk(), csrf_token="t", project="support", reshape="#"
    )
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for control in re.findall(r'<(?:select|textarea|input)[^>]*\sid="([^"]+)"', html):
        assert f'for="{control}"' in html
    for described in re.findall(r'aria-describedby="([^"]+)"', html):
        assert set(described.split()) <= set(ids)
