"""The surroundings of the templates: everything is escaped and seen, nothing undefined, times and numbers read well."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from review.kernel.clock import utc_now
from review.kernel.wording import number
from review.web import content
from review.web.pages import retold, script_words, sentences, stored, words
from review.web.pages.everywhere import SHOWN, TOLD, Everywhere
from review.web.pages.sentences import Sentences
from review.web.words import catalogue
from review.web.words.sentences import translated


def build_environment(templates: Path, static: Path) -> Environment:
    """Make the environment that renders every page; `asset` gives a file of `static` a name that changes with it."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        extensions=[Everywhere, Sentences],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assets = {path.relative_to(static).as_posix(): _named(path, static) for path in static.rglob("*") if path.is_file()}

    def asset(name: str) -> str:
        return assets.get(name, f"/static/{name}")

    environment.filters |= {
        "asset": asset,
        "brief": content.brief,
        "distance": _distance,
        "exact": words.exact,
        "humanise": words.humanise,
        "iso": _iso,
        "instant": words.instant,
        "number": number,
        "acting": stored.actor,
        "outcome": retold.outcome_shown,
        "because": stored.because,
        "ended": stored.ended,
        "why_not": stored.why_not,
        "warning": retold.WARNING.tell,
        "own_key": _own_key,
        "percent": words.percent,
        "reveal": content.reveal,
        SHOWN: _visible,
        TOLD: _told,
        "unseen": content.unseen,
        "urgency": _urgency,
        "visible": _visible,
    }
    environment.globals["reader"] = cast("Any", words.reader)  # typed as one of Jinja's own globals alone
    environment.globals["language"] = cast("Any", catalogue.language)
    environment.globals["script_words"] = cast("Any", script_words.given)
    environment.globals["direction"] = cast("Any", catalogue.direction)
    environment.globals |= cast(
        "Any", {"_": sentences.gettext, "gettext": sentences.gettext, "ngettext": sentences.ngettext}
    )
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension of sentences sets and reads it
    return environment


def _named(path: Path, static: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"/static/{path.relative_to(static).as_posix()}?v={digest}"


def _distance(at: datetime, kind: str = "past") -> str:
    return words.distance(at, utc_now(), kind)


def _urgency(at: datetime) -> str:
    return words.urgency(at, utc_now())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _own_key(key: str) -> str:
    return words.reader().preferences.own_key(key)


def _visible(value: object) -> object:
    """Make a text visible, in the reader's language; markup, numbers and what is undefined are given as they are."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return sentences.shown(value)


def _told(value: object) -> object:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return content.reveal(translated(value))
