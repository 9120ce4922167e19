"""Sentences and figures of a simulation, as people read them."""

from collections.abc import Iterable
from datetime import datetime

from review.escalation.simulation.findings import MOST_TRIED
from review.escalation.simulation.report import Finding, Report, StepTotals

_HARDLY_IDLE = 0.95  # of the time that people were there


def title(made: Report) -> str:
    """Say what was played."""
    days = (made.ends.date() - made.begins.date()).days or 1
    span = f"{made.begins:%A %Y-%m-%d}" + (f", {days} days" if days > 1 else "")
    return f"{made.project}: {span} ({made.timezone}), seed {made.seed}"


def verdict(made: Report) -> Iterable[str]:
    """Say what went wrong, first things first, or how close it was."""
    for finding in made.findings:
        yield " ".join(_sentences(made, finding))
    for short in made.short_handed:
        have = "1 person works" if short.people == 1 else f"{short.people} people work"
        yield (
            f"Items of {short.pool} that ask for {short.reviews} reviews stay open: "
            f"each takes different people, and {have} there."
        )
    late = {finding.pool for finding in made.findings}
    for pool in made.pools:
        if pool.pool not in late and pool.waiting_at_end and (pool.utilisation or 0) > _HARDLY_IDLE:
            yield f"Pool {pool.pool} does not keep up: {pool.waiting_at_end:,} wait there at the end."
    if not made.findings:
        left = made.totals.waiting_at_end + made.totals.in_hand_at_end
        yield "Nothing was late." + (
            f" {left:,} {'is' if left == 1 else 'are'} left at the end, not late yet." if left else ""
        )
        busiest = max(
            (hour for hour in made.hours if hour.people >= 1), key=lambda hour: hour.busy / hour.people, default=None
        )
        if busiest is not None:
            busy = share(busiest.utilisation)
            yield f"The fullest hour was {hour(made, busiest.begins)} in {busiest.pool}: {busy} busy."


def _sentences(made: Report, found: Finding) -> Iterable[str]:
    if found.people == 0:
        yield f"Nobody works in {found.pool}:"
    elif found.more_from is None:
        yield f"Pool {found.pool}:"
    else:
        yield f"Pool {found.pool} falls behind at {hour(made, found.behind_at)}:"
    told: list[str] = []
    if found.first_claims_missed:
        told.append(f"{found.first_claims_missed:,} were not claimed in time")
    if found.breached:
        told.append(f"{found.breached:,} came overdue")
    most = f", {found.most_overdue:,} at once by {hour(made, found.most_overdue_at)}" if found.most_overdue else ""
    yield f"of what arrived there {' and '.join(told)}, the first at {hour(made, found.first_late_at)}{most}."
    if found.unattended:
        yield f"{found.unattended:,} of them were due before anybody worked there after they came."
    if found.too_long:
        yield f"{found.too_long:,} of them had less time left than the review took, as soon as anybody was there."
    if found.more_from is not None:
        whom = "all" if not (found.unattended or found.too_long) else "all others"
        yield _remedy(made, found, whom)
    else:
        yield "More people in the same hours change nothing; other hours do, or a calendar for the policy."


def _remedy(made: Report, found: Finding, whom: str) -> str:
    since = "from the beginning" if found.more_from is None else f"from {hour(made, found.more_from)}"
    if found.more_people is None:
        return f"Not even {MOST_TRIED} more people {since} would have held {whom}."
    count = "One more person" if found.more_people == 1 else f"{found.more_people} more people"
    return f"{count} {since} would have held {whom}."


def deeds(step: StepTotals) -> str:
    """Say what a step did in all."""
    found = [
        (step.notified, "notices"),
        (step.paged, "pages"),
        (step.moved, "moved"),
        (step.reassigned, "taken back"),
        (step.reviews_added, "reviews added"),
    ]
    told = [f"{count:,} {what}" for count, what in found if count]
    told += [f"{count:,} decided: {name}" for name, count in step.decided.items()]
    return ", ".join(told) or "-"


def hour(made: Report, moment: datetime) -> str:
    """Give the time of day, with its day where several are played."""
    return f"{moment:%H:%M}" if _is_one_day(made) else f"{moment:%a %d %H:%M}"


def due(made: Report, moment: datetime) -> str:
    """Give a due time, which may lie on another day than the one played, and weeks off where several are."""
    return f"{moment:%a %H:%M}" if _is_one_day(made) else f"{moment:%a %d %b %H:%M}"


def _is_one_day(made: Report) -> bool:
    return (made.ends - made.begins).total_seconds() <= 25 * 3600


def length(seconds: float | None) -> str:
    """Give a length of time in the unit that suits it."""
    if seconds is None:
        return "-"
    sign, whole = "-" if seconds < 0 else "", abs(round(seconds))
    if whole < 120:
        return f"{sign}{whole} s"
    if whole < 7200:
        return f"{sign}{round(whole / 60)} min"
    return f"{sign}{whole / 3600:.1f} h"


def share(value: float | None) -> str:
    """Give a share in percent; never 100% for what is less."""
    if value is None:
        return "-"
    return f"{int(value * 1000) / 10:g}%"
