"""Where a project tells its news: webhooks, channels, and what pools want to be told."""

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

from review.configuration.calendars import read_hours
from review.configuration.checks import NAME, Checks, list_of, mapping_of
from review.kernel.events import EventKind
from review.kernel.sentences import Sentence, say

MAX_WEBHOOKS = 50
MAX_URL = 2_000
MOST_IN_FLIGHT, IN_FLIGHT = 50, 10
SHORTEST_DIGEST, LONGEST_DIGEST = timedelta(minutes=1), timedelta(days=1)
SENT_KINDS = tuple(kind.value for kind in EventKind if kind is not EventKind.WEBHOOK_TEST)
NOTICE_KINDS = ("assigned", "returned", "mentioned", "sla_warning", "escalated", "sla_breached")
USUAL_NOTICES = ("sla_warning", "escalated", "sla_breached")

_CHANNEL_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://\S+\Z")
_ENVIRONMENT = re.compile(r"^env:REVIEW_CHANNEL_[A-Z0-9_]{1,80}\Z")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


class Webhook(msgspec.Struct, frozen=True):
    """An address that events are sent to; `events` are their kinds, and `max_in_flight` how many at a time."""

    name: str
    url: str
    events: tuple[str, ...]
    max_in_flight: int = IN_FLIGHT


class Channel(msgspec.Struct, frozen=True):
    """A place that people read, by its apprise URL; `env:NAME` is read from the worker's environment instead."""

    name: str
    url: str


class Quiet(msgspec.Struct, frozen=True):
    """Hours in which nothing is sent but pages, in minutes of the local day; `begins` may be after `ends`."""

    begins: int
    ends: int
    timezone: str


class Notices(msgspec.Struct, frozen=True):
    """What a pool is told, on which channel, gathered for how long, and when not."""

    channel: str
    kinds: tuple[str, ...]
    digest: timedelta | None = None
    quiet: Quiet | None = None


def read_webhooks(checks: Checks, given: object) -> dict[str, Webhook]:
    """Check and compile the webhooks; no fault shows an address, as many hold a secret."""
    values = list_of([] if given is None else given)
    if values is None or len(values) > MAX_WEBHOOKS:
        checks.add(
            "webhooks",
            say(
                "must be a list of at most %(most)s entries such as {name, url, events}",
                most=MAX_WEBHOOKS,
            ),
        )
        return {}
    found: dict[str, Webhook] = {}
    for at, value in enumerate(values):
        path, webhook = f"webhooks[{at}]", mapping_of(value)
        if webhook is None:
            checks.add(path, say("must be a webhook: {name, url, events}"))
            continue
        required = ("name", "url", "events")
        checks.keys(path, webhook, (*required, "max_in_flight"), required=required)
        if any(webhook.get(key) is None for key in required):
            continue
        name = checks.name(f"{path}.name", webhook["name"])
        if name and name in found:
            checks.add(f"{path}.name", say("`%(name)s` is the name of an earlier webhook", name=name))
        found[name] = Webhook(
            name=name,
            url=_address(checks, f"{path}.url", webhook["url"]),
            events=_kinds(checks, f"{path}.events", webhook["events"], SENT_KINDS, say("event")),
            max_in_flight=checks.integer(
                f"{path}.max_in_flight", webhook.get("max_in_flight", IN_FLIGHT), 1, MOST_IN_FLIGHT
            ),
        )
    return found


def read_channels(checks: Checks, given: object) -> dict[str, Channel]:
    """Check and compile the channels; no fault shows an address, nor what stands where a name should."""
    found: dict[str, Channel] = {}
    for name, value in checks.mapping("channels", given).items():
        channel = mapping_of(value)
        if not NAME.match(name):
            checks.add("channels", say("holds a name that is none: up to 63 lower-case letters, digits, `-` and `_`"))
            continue
        path = f"channels.{name}"
        if channel is None:
            checks.add(path, say("must be a mapping: {url: …}"))
            continue
        checks.keys(path, channel, ("url",), required=("url",))
        url = channel.get("url")
        if url is not None:
            is_address = isinstance(url, str) and len(url) <= MAX_URL and _CHANNEL_URL.match(url) is not None
            if not is_address and not (isinstance(url, str) and _ENVIRONMENT.match(url)):
                told = say(
                    "must be an address with a scheme, as apprise takes it, or env:REVIEW_CHANNEL_…; it is not shown"
                )
                checks.add(f"{path}.url", told)
            found[name] = Channel(name, str(url))
    return found


def read_notices(checks: Checks, path: str, given: object, channels: Mapping[str, Channel]) -> Notices | None:
    """Check and compile what a pool is told; None for nothing."""
    if given is None:
        return None
    notices = mapping_of(given)
    if notices is None:
        checks.add(path, say("must be a mapping: {channel, kinds, digest, quiet}"))
        return None
    checks.keys(path, notices, ("channel", "kinds", "digest", "quiet"), required=("channel",))
    channel = ""
    if notices.get("channel") is not None:
        channel = checks.known(f"{path}.channel", notices["channel"], channels, say("channel"))
    kinds: tuple[str, ...] = USUAL_NOTICES
    if notices.get("kinds") is not None:
        kinds = _kinds(checks, f"{path}.kinds", notices["kinds"], NOTICE_KINDS, say("kind of news"))
    digest = None
    if notices.get("digest") is not None:
        digest = checks.duration(f"{path}.digest", notices["digest"])
        if not SHORTEST_DIGEST <= digest <= LONGEST_DIGEST:
            checks.add(f"{path}.digest", say("must be from 1m to 1d"))
    return Notices(channel, kinds, digest, _quiet(checks, f"{path}.quiet", notices.get("quiet")))


def _quiet(checks: Checks, path: str, given: object) -> Quiet | None:
    quiet = mapping_of(given)
    if quiet is None:
        if given is not None:
            checks.add(path, say("must be a mapping: {hours: '20:00-07:00', timezone: Europe/Berlin}"))
        return None
    required = ("hours", "timezone")
    checks.keys(path, quiet, required, required=required)
    if any(quiet.get(key) is None for key in required):
        return None
    zone, hours = (
        checks.zone(f"{path}.timezone", quiet["timezone"]),
        read_hours(checks, f"{path}.hours", quiet["hours"]),
    )
    if hours is None:
        return None
    if hours[0] == hours[1]:
        checks.add(f"{path}.hours", say("must begin and end at different times"))
    return Quiet(*hours, zone)


def _kinds(checks: Checks, path: str, given: object, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    found: list[str] = []
    values = list_of(given)
    if not values:
        checks.add(path, say("must be a list of at least one of %(known)s", known=", ".join(known)))
    for at, value in enumerate(values or []):
        kind = checks.known(f"{path}[{at}]", value, known, what)
        if kind and kind in found:
            checks.add(f"{path}[{at}]", say("`%(kind)s` stands there twice", kind=kind))
        found.append(kind)
    return tuple(found)


def _address(checks: Checks, path: str, given: object) -> str:
    if not isinstance(given, str) or len(given) > MAX_URL or _UNPRINTABLE.search(given):
        checks.add(
            path,
            say("must be an address of at most %(most)s printable ASCII characters; it is not shown", most=MAX_URL),
        )
        return ""
    wrong = _wrong_with(given)
    if wrong is not None:
        checks.add(path, say("%(wrong)s; the address is not shown, as it may hold a secret", wrong=wrong))
    return given


def _wrong_with(url: str) -> Sentence | None:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return say("is no address of the form https://host/path")
    if parts.scheme not in {"http", "https"} or not has_host or "\\" in url:
        return say("must be an address of the form https://host/path")
    if "@" in parts.netloc:
        return say("must not hold a user name or a password; every delivery is signed instead")
    if "#" in url:
        return say("must not have a fragment (`#`), which is never sent")
    return None
