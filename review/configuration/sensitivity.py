"""What is sensitive: how it is shown to whoever has not chosen, how much of it one sees, and how long it is kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from review.configuration.checks import Checks, mapping_of
from review.configuration.personal import personal_of
from review.items.types import SENSITIVE, ExposureLimit, ItemType
from review.kernel.durations import parse_duration
from review.kernel.sentences import say

SENSITIVITY = ("sensitive", "exposure", "retention", "personal")
MOST_PER_HOUR, MOST_PER_DAY = 1_000, 10_000
_MOST = {"per_hour": MOST_PER_HOUR, "per_day": MOST_PER_DAY}
SHORTEST_RETENTION, LONGEST_RETENTION = timedelta(days=1), timedelta(days=36_500)
_VEIL = ("blur", "greyscale", "mute")


class VeilDefaults(msgspec.Struct, frozen=True):
    """How sensitive content is shown to those who have not chosen for themselves."""

    blur: bool = True
    greyscale: bool = True
    mute: bool = True


def sensitivity_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a checked definition of an item type says of this, as the item type's fields."""
    return {
        "sensitive": definition.get("sensitive") or "off",
        "exposure": limit_of(definition.get("exposure")),
        "retention": _retention(definition.get("retention")),
        "personal": personal_of(definition),
    }


def limit_of(given: object) -> ExposureLimit | None:
    """Give a limit that was checked, None where there is none."""
    found = mapping_of(given)
    return ExposureLimit(found.get("per_hour"), found.get("per_day")) if found else None


def check_sensitivity(checks: Checks, path: str, given: Mapping[str, Any]) -> None:
    """Check what an item type's definition says of this."""
    if given.get("sensitive") is not None:
        checks.known(f"{path}.sensitive", given["sensitive"], SENSITIVE, say("kind of sensitive content"))
    check_limit(checks, f"{path}.exposure", given.get("exposure"))
    if given.get("retention") is not None and _retention(given["retention"]) is None:
        checks.add(f"{path}.retention", say("must be a duration from 1d to 36500d"))


def _retention(value: object) -> timedelta | None:
    """Read how long payloads are kept after their decision; None where nothing, or nothing that can be, is said."""
    try:
        length = parse_duration(value) if isinstance(value, str) else timedelta()
    except ValueError:
        return None
    return length if SHORTEST_RETENTION <= length <= LONGEST_RETENTION else None


def check_limit(checks: Checks, path: str, given: object) -> None:
    """Check a limit; nothing at all counts as none."""
    if given is None:
        return
    found = mapping_of(given)
    if not found:
        checks.add(path, say("must say how many items: `per_hour`, `per_day`, or both"))
        return
    checks.keys(path, found, tuple(_MOST))
    for name, most in _MOST.items():
        number = found.get(name)
        if number is not None and not (type(number) is int and 1 <= number <= most):
            checks.add(f"{path}.{name}", say("must be a whole number from 1 to %(most)s", most=most))
    hour, day = found.get("per_hour"), found.get("per_day")
    if type(hour) is int and type(day) is int and hour > day:
        checks.add(f"{path}.per_day", say("is less than `per_hour`, which could then never be reached"))


def read_veil(checks: Checks, given: object) -> VeilDefaults:
    """Check how sensitive content is shown by default; blurred, grey and muted where nothing is said."""
    found = checks.mapping("veil", given)
    checks.keys("veil", found, _VEIL)
    for name in _VEIL:
        if not isinstance(found.get(name, True), bool):
            checks.add(f"veil.{name}", say("must be true or false"))
    return VeilDefaults(**{name: found[name] for name in _VEIL if isinstance(found.get(name), bool)})


def read_shared_limit(checks: Checks, given: object, types: Mapping[str, ItemType]) -> ExposureLimit | None:
    """Check the limit that all sensitive item types share."""
    check_limit(checks, "exposure", given)
    if given is not None and not any(each.is_sensitive for each in types.values()):
        checks.add("exposure", say("has nothing to count: no item type is `sensitive`"))
    return limit_of(given)
