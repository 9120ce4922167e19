"""What packages below the pages write in English, said in the language of the page.

Why something is due when it is, what is special about a day, what a step of a ladder did, why a delivery failed, and
why a verdict could not be counted. Each message stands here as its package writes it, and tests hold the two together;
what no message fits, such as what an earlier version wrote otherwise, stays in English.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

from review.kernel.clock import utc_now
from review.kernel.foreign import English, Gap
from review.kernel.wording import DAYS, MONTHS
from review.sla.calendars import Calendar
from review.sla.regions import names_in
from review.web.pages import words
from review.web.words.calls import CALL, OUT
from review.web.words.catalogue import ENGLISH, N_, gettext, language, ngettext
from review.web.words.retelling import Book

_UNITS: Final = {"d": N_("%(days)s d"), "h": N_("%(hours)s h"), "min": N_("%(minutes)s min"), "s": N_("%(seconds)s s")}
_NAMES: Final = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}
_TIME: Final = r"less than a second|\d+ (?:d|h|min|s)(?: \d+ (?:d|h|min|s)){0,3}"
_DAY: Final = rf"(?:{'|'.join(DAYS)}) \d+ (?:{'|'.join(MONTHS)})"
_MOMENT: Final = re.compile(
    r"(?P<weekday>\w+) (?P<day>\d+) (?P<month>\w+) (?P<year>\d+) (?P<time>[\d:]+)(?: \((?P<zone>[^()]+)\))?"
)
_WEEKLY: Final = re.compile(rf"(?P<days>(?:(?:{'|'.join(DAYS)})(?:, | and )?)+) (?:is|are) closed")
_CLOSED: Final = re.compile(r"(?P<weekday>\w+) (?P<day>\d+) (?P<month>\w+) is closed: (?P<why>.+)", re.DOTALL)
_MORE: Final = re.compile(r"(?P<count>\d+) more days? (?:is|are) closed")
_PART: Final = re.compile(rf", (?={_DAY} is closed: |\d+ more days? )")


def time(said: str) -> str:
    """Say a length of time that is exact to the second: `1 d 2 h`, `35 min`."""
    if said == N_("less than a second"):
        return gettext(said)
    parts = said.split(" ")
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return " ".join(gettext(_UNITS[unit], **{_NAMES[unit]: count}) for count, unit in pairs)


def _moment(said: str) -> str | None:
    found = _MOMENT.fullmatch(said)
    if found is None or found["weekday"] not in DAYS or found["month"] not in MONTHS:
        return None
    names = found.groupdict() | {"weekday": gettext(found["weekday"]), "month": gettext(found["month"])}
    if found["zone"]:
        return gettext("%(weekday)s %(day)s %(month)s %(year)s %(time)s (%(zone)s)", **names)
    return gettext("%(weekday)s %(day)s %(month)s %(year)s %(time)s", **names)


def _closed(said: str) -> str | None:
    """Say which days were closed: weekdays by their names, single days with why, and how many more."""
    told: list[str] = []
    for part in _PART.split(said):
        if weekly := _WEEKLY.fullmatch(part):
            days = [gettext(each) for each in re.split(", | and ", weekly["days"])]
            told.append(ngettext("%(days)s is closed", "%(days)s are closed", len(days), days=words.listed(days)))
        elif single := _CLOSED.fullmatch(part):
            day, month = gettext(single["weekday"]), gettext(single["month"])
            message = N_("%(weekday)s %(day)s %(month)s is closed: %(why)s")
            told.append(gettext(message, weekday=day, day=single["day"], month=month, why=_why_closed(single["why"])))
        elif more := _MORE.fullmatch(part):
            told.append(ngettext("%(num)s more day is closed", "%(num)s more days are closed", int(more["count"])))
        else:
            return None
    said = told[0]
    for each in told[1:]:
        said = gettext("%(some)s, %(more)s", some=said, more=each)
    return said


# Whose public holidays a text may name; set around its telling, for names are found deep within sentences.
_regions: ContextVar[tuple[str, ...]] = ContextVar("regions", default=())


def _why_closed(said: str) -> str:
    return gettext(said) if said in DAYS else _WHY_CLOSED.find(said) or _holiday(said) or said


def _holiday(said: str) -> str | None:
    """Give what a public holiday is called in the page's language, where the library knows it."""
    named = (names_in(region, language(), utc_now().year).get(said) for region in _regions.get())
    return next(filter(None, named), None)


_WHY_CLOSED: Final = Book(N_("there was no such day in %(zone)s"), N_("a day named as closed"))


def _hours(said: str) -> str:
    told, *others = said.split(" and ")
    for each in others:
        told = gettext("%(some)s and %(last)s", some=told, last=each)
    return told


_HOURS: Final = r"[\d:-]+(?: and [\d:-]+)*"
_TIMES: Final[dict[str, Gap]] = {
    "time": (_TIME, time),
    "moment": (r"\w+ \d+ \w+ \d+ [\d:]+(?: \([^()]+\))?", _moment),
    "due": (r"\w+ \d+ \w+ \d+ [\d:]+(?: \([^()]+\))?", _moment),
    "closed": (".+?", _closed),
    "closed_for": (".+", _why_closed),
    "hours": (_HOURS, _hours),
    "priority": (r"-?\d+", str),
    "least": (r"-?\d+", str),
}
# review/sla/reasons.py, describe_day of review/sla/calendars.py, and what review/escalation adds.
CLOCK: Final = Book(
    N_("Policy %(policy)s gives %(time)s, night and day."),
    N_(
        "Policy %(policy)s gives %(time)s, night and day, as it arrived with priority %(priority)s (%(least)s or more)."
    ),
    N_(
        "Policy %(policy)s gives %(time)s of working time of calendar %(calendar)s, "
        "as it arrived with priority %(priority)s (%(least)s or more)."
    ),
    N_("Policy %(policy)s gives %(time)s of working time of calendar %(calendar)s."),
    N_("It arrived %(moment)s, so it is due %(due)s."),
    N_("It arrived %(moment)s; %(time)s of that day counted, so it is due %(due)s."),
    N_("It arrived %(moment)s; %(time)s of that day counted, %(closed)s, so it is due %(due)s."),
    N_("It arrived %(moment)s, when no working time of that day was left, so it is due %(due)s."),
    N_("It arrived %(moment)s, when no working time of that day was left, %(closed)s, so it is due %(due)s."),
    N_("Calendar %(calendar)s has not that much working time, so it is due %(due)s."),
    N_("Paused since %(moment)s; the clock stands still until it is resumed."),
    N_("Paused since %(moment)s: %(why)s; the clock stands still until it is resumed."),
    N_("Paused %(time)s from %(moment)s."),
    N_("Paused %(time)s from %(moment)s: %(why)s."),
    N_("No time passed in a pause, so it is due %(due)s."),
    N_("No SLA policy sets a time."),
    N_("Upstream asked for an answer by %(moment)s, before it arrived, so it is due at once."),
    N_("Upstream asked for an answer by %(moment)s, which is sooner."),
    N_("Upstream asked for an answer by %(moment)s."),
    N_("No clock runs: the rules decided the item as it arrived."),
    N_("No clock runs: the rule names no SLA policy, and the item came without `respond_by`."),
    N_("Stopped by %(who)s: %(why)s"),
    N_("The data of time zones or holidays changed."),
    N_("Configuration version %(version)s changed how long people have."),
    N_("open %(hours)s"),
    N_("closed: %(closed_for)s"),
    gaps=_TIMES,
)

# `unreachable` of review/escalation/rules.py: why nobody can be told by a name.
_NOBODY: Final = Book(
    N_("the project has no lead"),
    N_("nobody holds it"),
    N_("pool %(pool)s has nobody in it"),
    N_("there is no channel %(channel)s"),
    N_("channel %(channel)s is disabled"),
    N_("nobody in the project has this address"),
)


def _reviews(said: str) -> str:
    count = int(said.partition(" ")[0])
    return ngettext("%(num)s review", "%(num)s reviews", count)


_STEP: Final[dict[str, Gap]] = {
    "nobody": (".+", _NOBODY.find),
    "reviews": (r"\d+ reviews?", _reviews),
    "was": (r"\S+", str),
    "now": (r"\S+", str),
    "count": (r"\d+", str),
}
# review/escalation/rules.py: what a step did, as a clause that stands behind the step and a colon.
DONE: Final = Book(
    N_("approved it, for nobody had decided"),
    N_("rejected it, for nobody had decided"),
    N_("let the model's own output through, unreviewed, for nobody had decided"),
    N_("changed its priority from %(was)s to %(now)s"),
    N_("changed nothing, for all of it was so already"),
    N_("did not notify %(whom)s again: %(who)s has acknowledged it"),
    N_("did not page %(whom)s again: %(who)s has acknowledged it"),
    N_("notified %(whom)s"),
    N_("paged %(whom)s"),
    N_("left it in %(pool)s, where it was already"),
    N_("moved it from %(was)s to %(now)s"),
    N_("took it from nobody, for nobody held it"),
    N_("took it back from its holder"),
    N_("took it back from %(holder)s"),
    N_("asked for no further review, for somebody is to settle it"),
    N_("asked for no further review, for %(count)s are asked for already"),
    N_("asked for %(reviews)s more, %(count)s in all"),
    gaps=_STEP,
)
# The same file and ladder.py: what a step could not do, behind "could not"; and why one was passed over.
FAILED: Final = Book(
    N_("notify %(whom)s: %(nobody)s"),
    N_("page %(whom)s: %(nobody)s"),
    N_("move it to %(pool)s: there is no such pool any more"),
    N_("move it to %(pool)s: the pool has nobody in it, and the project has no lead"),
    N_("move it to %(pool)s: everybody there has had part in it"),
    N_("take it from its holder: nobody else could"),
    N_("take it from %(holder)s: nobody else could"),
    N_("ask for %(reviews)s more: there is nobody to give it"),
    N_("two people must decide items of this type, so time alone may reject it and nothing else"),
    N_("what sends it, or its type, is stopped, so time alone may reject it and nothing else"),
    gaps=_STEP,
)
COMMENT: Final = Book(N_("Nobody decided in time, so the fallback declared for %(after)s did."))

# `reason_lost` of review/queueing/rules.py and review/reviewing/pending.py: why a verdict does not count.
LOST: Final = Book(
    N_("you have reviewed it already"),
    N_("upstream has withdrawn the item"),
    N_("the item was decided by %(who)s (approve)"),
    N_("the item was decided by %(who)s (correct)"),
    N_("the item was decided by %(who)s (reject)"),
    N_("the seat is closed"),
    N_("you have judged it, and that counts in a moment unless you take it back"),
    N_("it is put aside for you, so take it up first, from your pools"),
    N_("it is kept for %(who)s"),
    N_("%(who)s has claimed it since"),
    N_("it was claimed again since, so this fence is old"),
    N_("it went back to its queue, given back or with the lease at its end"),
    N_("the lease has ended"),
    N_("by the configuration of now the item concerns its reviewer"),
)


_PLACE: Final[dict[str, Gap]] = {"place": (r"\d+:\d+", str), "number": (r"\d+", str), "count": (r"\d+", str)}
# review/configuration/shadows.py and limits.py: what a configuration asks for that will not happen, behind its place.
_WARNED: Final = Book(
    N_("can never be reached: rule %(number)s, `%(name)s`, has the same condition, and takes all of it"),
    N_(
        "can never be reached: rule %(number)s, `%(name)s`, has the same condition, and takes all of it, "
        "and says the contrary"
    ),
    N_(
        "can never be reached: rule %(number)s, `%(name)s`, has the same condition, and takes all of it, "
        "and says otherwise"
    ),
    N_("can never be reached: rule %(number)s, `%(name)s`, holds wherever this one does, and takes all of it"),
    N_(
        "can never be reached: rule %(number)s, `%(name)s`, holds wherever this one does, and takes all of it, "
        "and says the contrary"
    ),
    N_(
        "can never be reached: rule %(number)s, `%(name)s`, holds wherever this one does, and takes all of it, "
        "and says otherwise"
    ),
    N_("everything of every type that comes this far goes to `%(pool)s`, which has %(count)s member(s)"),
    N_("may not let through %(types)s by itself: two people decide, so it sends those to people"),
    N_("may not reject %(types)s by itself: two people decide, so it sends those to people"),
    N_("is passed over for %(types)s: two people decide, and time may only reject"),
    gaps=_PLACE,
)
WARNING: Final = Book(
    N_("%(place)s: %(path)s: %(warned)s"), gaps=_PLACE | {"path": (r"\S+", str), "warned": (".+", _WARNED.find)}
)
# review/rehearsal/running.py: why a backtest ended that found nothing out.
BACKTEST: Final = Book(N_("It failed again and again at the same place."))


def _cause(said: str) -> str:
    return OUTCOMES.tell(said)


_CAUSE: Final[dict[str, Gap]] = {"cause": (".+", _cause), "times": (r"\d+", str)}
# review/delivery/webhooks: why a delivery was given up, and why a receiver is left alone.
DELIVERY: Final = Book(
    N_("the endpoint was disabled when this happened"),
    N_("the endpoint was disabled: %(cause)s"),
    N_("the endpoint is disabled; this attempt ended with: %(cause)s"),
    N_("the endpoint is removed; this attempt ended with: %(cause)s"),
    N_("the configuration no longer has it"),
    N_("the receiver answered 410 Gone"),
    N_("the receiver asked for a rest: %(cause)s"),
    N_("tried %(times)s times, the last with: %(cause)s"),
    N_("%(times)s deliveries failed in a row, the last with: %(cause)s"),
    gaps=_CAUSE,
)
# review/delivery/notifications: why somebody, or a channel, could not be told.
NOTICE: Final = Book(
    N_("the mail server did not take it within %(seconds)s seconds"),
    N_("the mail server refused the recipient (%(status)s)"),
    N_("the mail server cannot do what the address or the sign-in asks for"),
    N_("the mail server answered %(status)s"),
    N_("TLS with the mail server failed: %(what)s"),
    N_("the mail server cannot be reached: %(what)s"),
    N_("the mail server offers no TLS, so the password was not sent"),
    N_("the address cannot be written in a mail"),
    N_("there is no mail server (REVIEW_SMTP_URL)"),
    N_("the account is disabled"),
    N_("the item was closed before it was sent"),
    N_("it failed inside; the worker's log says more"),
    N_("it failed inside: %(what)s"),
    N_("the channel is disabled: %(cause)s"),
    N_("there is nobody to tell"),
    N_("they do not want to be told of this"),
    N_("the configuration has no such channel"),
    N_("its URL begins with a scheme that is not allowed"),
    N_("its URL cannot be read"),
    N_("its URL may only be read from variables whose names begin with %(what)s"),
    N_("the worker's environment has no %(what)s"),
    N_("it did not take the message within %(seconds)s seconds"),
    N_("the process that sends to channels ended"),
    N_("the receiver answered %(status)s"),
    N_("the receiver cannot be reached"),
    N_("it was refused: it may not start a program"),
    N_("it was refused: it may not open a file"),
    N_("it was refused: it may only connect to addresses of the internet"),
    N_("it was refused: %(cause)s"),
    gaps=OUT | _CAUSE,
)


OUTCOMES: Final = DELIVERY | NOTICE | CALL | BACKTEST


def clock(said: str, calendars: Iterable[Calendar] = ()) -> str:
    """Say why something is due when it is, or what is special about a day; these calendars' holidays by their names."""
    before = _regions.set(tuple(region for calendar in calendars for region in calendar.holidays))
    try:
        return CLOCK.tell(said)
    finally:
        _regions.reset(before)


def outcome(said: str) -> str:
    """Say why a delivery, a notice, a call or a backtest failed."""
    return OUTCOMES.tell(said)


def outcome_shown(said: str) -> str:
    """Say the same where it is printed, with what is English for good marked as such."""
    return said if language() == ENGLISH else OUTCOMES.sentence(said) or English(said)
