"""How a person likes to work: what their pages look like, in which zone times are told, and which key does what."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import User
from review.kernel.sentences import say

TEXT_SIZES: Final = (90, 100, 110, 125, 150)  # in percent; the stylesheet has a line for each
NO_CHOICE: Final = say("This is none of the choices. Choose one of those shown.")
FIXED_KEYS: Final = "?"  # what tells all keys is where people look for it

Key = Annotated[str, Meta(min_length=1, max_length=1)]
Own = Literal["project", "yes", "no"]  # as the project's configuration has it, or one's own way


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody chose; everything has a default that suits most people.

    `zone` and `language` are empty for the browser's own. `break_after` is in minutes, 0 for no reminder. `keys` maps
    the key that pages name to their own; `single_keys` turns off every key that works without Ctrl or ⌘. `blur`,
    `greyscale` and `mute` say how sensitive content is shown.
    """

    scheme: Literal["system", "light", "dark"] = "system"
    density: Literal["comfortable", "compact"] = "comfortable"
    text_size: Literal[90, 100, 110, 125, 150] = 100
    motion: Literal["system", "reduced"] = "system"
    zone: str = ""
    language: Annotated[str, Meta(max_length=35)] = ""
    hours: Literal[24, 12] = 24
    break_after: Annotated[int, Meta(ge=0, le=240)] = 50
    blur: Own = "project"
    greyscale: Own = "project"
    mute: Own = "project"
    single_keys: bool = True
    keys: dict[Key, Key] = {}

    def own_key(self, key: str) -> str:
        """Give the key that does for them what pages name this key for."""
        return self.keys.get(key.lower(), key).upper() if len(key) == 1 else key


DEFAULTS: Final = Preferences()


@cache
def zones() -> frozenset[str]:
    """Give the names of all time zones that mean the same everywhere, read once per process."""
    return frozenset(available_timezones()) - {"localtime", "Factory", "posixrules"}


def zone_of(preferences: Preferences, told: str = "") -> ZoneInfo:
    """Give the zone in which somebody reads times: their choice, else what the browser told, else UTC."""
    for name in (preferences.zone, told):
        if name in zones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


def decode(stored: str | None) -> Preferences:
    """Read stored preferences; fields that are unknown, or whose values are not any more, are left out."""
    if not stored or stored == "{}":
        return DEFAULTS
    fields: Mapping[str, Any] = msgspec.json.decode(stored, type=dict[str, Any])
    sound: dict[str, Any] = {}
    for name in Preferences.__struct_fields__:
        if name in fields:
            try:
                sound[name] = getattr(msgspec.convert({name: fields[name]}, Preferences), name)
            except msgspec.ValidationError:
                continue
    return Preferences(**sound)


def check(
    fields: Mapping[str, Any], known_keys: Mapping[str, str], languages: Collection[str] = ()
) -> tuple[Preferences, dict[str, str]]:
    """Make preferences of what somebody chose, and say beside which fields it cannot be so, and why.

    `known_keys` are the keys that pages name, with what each does; `languages` the tags of those that pages speak.
    """
    faults: dict[str, str] = {}
    sound: dict[str, Any] = {}
    for name in Preferences.__struct_fields__:
        if name in fields and name != "keys":
            try:
                sound[name] = getattr(msgspec.convert({name: fields[name]}, Preferences), name)
            except msgspec.ValidationError:
                faults[name] = NO_CHOICE
    if sound.get("zone") and sound["zone"] not in zones():
        faults["zone"] = say("This is no time zone. Write it like Europe/Berlin, or leave it empty for the browser's.")
    if sound.get("language") and sound["language"] not in languages:
        faults["language"] = NO_CHOICE
    keys, wrong = check_keys(fields.get("keys", {}), known_keys)
    return Preferences(**sound, keys=keys), faults | wrong


def check_keys(chosen: Mapping[str, str], known: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the keys that differ from what pages name, and what stands in the way of the others."""
    faults: dict[str, str] = {}
    taken: dict[str, str] = {}
    own: dict[str, str] = {}
    for name in known:
        key = chosen.get(name, "").strip().lower() or name
        if len(key) != 1 or not key.isprintable() or key.isdigit() or key in FIXED_KEYS:
            faults[f"key-{name}"] = say("Choose one letter or sign; digits take choices, and ? lists the keys.")
        elif key in taken:
            faults[f"key-{name}"] = say(
                "%(key)s is already the key for: %(act)s. Choose another.", key=key.upper(), act=known[taken[key]]
            )
        else:
            taken[key] = name
            if key != name:
                own[name] = key
    return own, faults


async def keep(tx: AsyncSession, user_id: UUID, preferences: Preferences) -> None:
    """Keep what somebody chose; it counts from their next page on."""
    stored = msgspec.to_builtins(preferences)
    await tx.execute(update(User).where(User.id == user_id).values(preferences=stored))


def without_keys(preferences: Preferences) -> Preferences:
    """Give the same preferences with every key where pages name it."""
    return msgspec.structs.replace(preferences, keys={}, single_keys=True)
