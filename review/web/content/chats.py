"""Conversations: turns with their roles, names and times, and what tools were asked and answered folded away."""

import json
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from review.kernel.shapes import is_list, is_object
from review.web.content.frames import NOTHING, first_of
from review.web.content.text import visible
from review.web.words import catalogue
from review.web.words.catalogue import N_, gettext

FIRST_TURNS = 100  # the newest, on the page; the others are a click away
TURNS_OF_A_PART = 300
MOST_SAID = 20_000  # characters of one turn
MOST_FOLDED = 5_000  # characters of what a tool was asked or answered
MOST_CALLS = 20
SAYS: Final = ("content", "text", "parts", "tool_calls")
FOLDED: Final = frozenset({"system", "developer"})
TOOLS: Final = frozenset({"tool", "function"})


@dataclass(frozen=True, slots=True)
class Fold:
    """What stands folded in a turn: its heading, and what it holds."""

    title: Markup
    body: Markup


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; `is_folded` if only its heading shows until somebody opens it."""

    role: Markup
    body: Markup
    name: Markup = NOTHING
    at: Markup = NOTHING
    folds: tuple[Fold, ...] = ()
    side: str = ""
    is_folded: bool = False


def messages_of(value: object) -> list[dict[str, Any]] | None:
    """Give the messages of a conversation; None where this is none."""
    found: Any = first_of(value, "messages", "turns") if is_object(value) else value
    if not is_list(found) or not all(is_object(turn) and any(name in turn for name in SAYS) for turn in found):
        return None
    return found


def turn_of(message: dict[str, Any]) -> Turn:
    """Lay out one message."""
    role = _short(first_of(message, "role", "speaker", "from"))
    name = _short(message.get("name"))
    folds: list[Fold] = []
    said = _said(first_of(message, "content", "text", "parts"), folds)
    calls = _listed(message.get("tool_calls"))[:MOST_CALLS]
    folds += [_call(call["function"] if is_object(call.get("function")) else call) for call in calls]
    if role.lower() in TOOLS:
        title = _titled(N_("Tool answered: %(name)s"), name or role)
        folds.append(Fold(title, _cut(said, MOST_FOLDED)))
        said = ""
    return Turn(
        role=role or name,
        body=_cut(said, MOST_SAID),
        name=name if role else NOTHING,
        at=_short(first_of(message, "at", "time", "timestamp", "created_at")),
        folds=tuple(folds),
        side="user" if role.lower() in {"user", "customer", "human"} else "",
        is_folded=role.lower() in FOLDED,
    )


def _said(content: object, folds: list[Fold]) -> str:
    """Give the words of a message, and put aside what tools were asked and answered."""
    if content is None:
        return ""
    if not is_list(content):
        return content if isinstance(content, str) else _json(content)
    said: list[str] = []
    for part in content:
        if is_object(part) and part.get("type") == "tool_use" and len(folds) < MOST_CALLS:
            folds.append(_call(part))
        elif is_object(part) and part.get("type") == "tool_result" and len(folds) < MOST_CALLS:
            inner: list[Fold] = []
            folds.append(Fold(escape(gettext("Tool answered")), _cut(_said(part.get("content"), inner), MOST_FOLDED)))
        elif is_object(part) and isinstance(part.get("text"), str):
            said.append(part["text"])
        else:
            said.append(part if isinstance(part, str) else _json(part))
    return "\n".join(said)


def _call(call: object) -> Fold:
    if not is_object(call):
        return Fold(escape(gettext("Tool call")), _cut(_json(call), MOST_FOLDED))
    asked = first_of(call, "arguments", "input", "args")
    return Fold(
        _titled(N_("Tool call: %(name)s"), _short(call.get("name"))),
        _cut(asked if isinstance(asked, str) else _json(asked), MOST_FOLDED),
    )


def _titled(message: str, name: Markup) -> Markup:
    return escape(catalogue.spoken().gettext(message)) % {"name": name}


def _listed(value: object) -> list[dict[str, Any]]:
    return [each for each in value if is_object(each)] if is_list(value) else []


def _short(value: object) -> Markup:
    if isinstance(value, bool) or value is None:
        return NOTHING
    return visible(str(value)[:60]) if isinstance(value, str | int | float) else NOTHING


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _cut(text: str, most: int) -> Markup:
    return visible(text[:most] + (" …" if len(text) > most else ""))
