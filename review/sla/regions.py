"""Public holidays of countries and their regions, by the `holidays` library; named in English where it can."""

import re
from datetime import date
from functools import lru_cache

import holidays

from review.kernel.sentences import say

_FORM = re.compile(r"^[A-Z]{2}(-[A-Za-z0-9]{1,12})?\Z")
_LANGUAGES = ("en_US", "en_GB")  # fixed, as names would else follow the locale of whichever process asks


class UnknownRegion(ValueError):
    """No country or region that the library knows; its argument is the sentence that says what there is."""


@lru_cache(maxsize=2048)
def holidays_of(region: str, year: int) -> dict[date, str]:
    """Give a year's public holidays, observed days included, with their names; not to be changed.

    Raises:
        UnknownRegion: the library does not know the country, or not the part of it.
    """
    country, _, part = region.partition("-")
    if not _FORM.match(region):
        message = say("`%(region)s` is no country or region; write it like `DE` or `DE-BE` (ISO 3166)", region=region)
        raise UnknownRegion(message)
    found = _ask(country, None, year)
    if found is None:
        message = say(
            "`%(country)s` is no country whose holidays are known; write its two letters, as in `DE` or `DE-BE`",
            country=country,
        )
        raise UnknownRegion(message)
    if part:
        parts = ", ".join(found.subdivisions) or say("none")
        found = _ask(country, part, year)
        if found is None:
            message = say(
                "`%(part)s` is no region of `%(country)s` whose holidays are known; there are %(parts)s",
                part=part,
                country=country,
                parts=parts,
            )
            raise UnknownRegion(message)
    return dict(found)


@lru_cache(maxsize=256)
def names_in(region: str, language: str, year: int) -> dict[str, str]:
    """Give the names that `holidays_of` has about a year, each with what it is called in a language such as `pt-br`.

    Empty where the library has no names of this country in it; not to be changed.
    """
    country, _, part = region.partition("-")
    known = holidays.country_holidays(country)
    spoken = {
        each.replace("_", "-").lower(): each for each in (*known.supported_languages, known.default_language or "")
    }
    wanted = spoken.get(language) or spoken.get(language.partition("-")[0])
    if wanted is None:
        return {}
    names: dict[str, str] = {}
    for each in range(year - 1, year + 2):
        there = holidays.country_holidays(country, subdiv=part or None, years=each, language=wanted)
        names |= {name: there[day] for day, name in holidays_of(region, each).items() if day in there}
    return names


def _ask(country: str, part: str | None, year: int) -> holidays.HolidayBase | None:
    try:
        known = holidays.country_holidays(country, subdiv=part)
        language = next((each for each in _LANGUAGES if each in known.supported_languages), known.default_language)
        return holidays.country_holidays(country, subdiv=part, years=year, language=language)
    except NotImplementedError:
        return None
