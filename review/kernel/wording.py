"""Names of days and months, times of day and numbers, as the language has them that is written in."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from review.kernel import sentences
from review.kernel.catalogue import ENGLISH, N_, gettext, language, spoken
from review.kernel.sentences import Sentence

DAYS: Final = (
    *(N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday")),
    *(N_("Friday"), N_("Saturday"), N_("Sunday")),
)
SHORT_DAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
MONTHS: Final = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June")),
    *(N_("July"), N_("August"), N_("September"), N_("October"), N_("November"), N_("December")),
)
SHORT_MONTHS: Final = (
    *(N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")),
    *(N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")),
)


def number(value: float | Decimal, form: str = ",") -> str:
    """Write a number by one of Python's formats, with the point and the separators of the language: `1,234.5`."""
    if language() == ENGLISH:
        return format(value, form)
    said = sentences.number(value, form)
    return said.by(spoken()) if isinstance(said, Sentence) else said


def clock_time(there: datetime, hours: int, seconds: str = "") -> str:
    """Write the time of day of a local moment by a clock of twelve or of twenty-four hours."""
    if hours == 12:
        time = f"{there:%I:%M{seconds}}".lstrip("0")
        return gettext("%(time)s AM", time=time) if there.hour < 12 else gettext("%(time)s PM", time=time)
    return f"{there:%H:%M{seconds}}"
