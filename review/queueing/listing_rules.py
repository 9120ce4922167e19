"""What a list of items can be narrowed to, and which stretch of which index answers it; no I/O."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say

LOOKS = 3_000  # rows that one page looks at: 10 to 30 ms of index entries and narrow rows
LOOKS_INSIDE = 2_000  # where each costs a payload too, which is read and parsed
LONGEST = 200
STATUSES = ("open", "waiting", "held", "decided", "withdrawn", "any")
SORTS = ("urgent", "newest", "oldest", "due", "confidence", "doubt")
DUE_STATES = ("overdue", "soon", "clocked", "none")
FLAG = "yes"
TEXTS = ("type", "tag", "impact", "model", "rule", "external_id", "subject", "text", "holder")
INSIDE = ("tag", "impact", "model", "rule", "subject", "text", "source", "confidence_from", "confidence_to")


class Source(StrEnum):
    """Where candidates come from, in which order: by urgency, by due time, what is in hand, newest, or one by name."""

    URGENT = "urgent"
    DUE = "due"
    HELD = "held"
    NEWEST = "newest"
    NAMED = "named"


NATURAL = {Source.URGENT: "urgent", Source.DUE: "due", Source.NEWEST: "newest"}


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A filter as it stands in the address; blank leaves it open. The names are those of the address."""

    status: str = ""
    type: str = ""
    tag: str = ""
    impact: str = ""
    confidence_from: float | None = None
    confidence_to: float | None = None
    model: str = ""
    rule: str = ""
    external_id: str = ""
    subject: str = ""
    text: str = ""
    holder: str = ""
    due: str = ""
    source: str = ""
    escalated: str = ""
    pool: str = ""
    sort: str = ""

    @property
    def state(self) -> str:
        """The status that counts: open work, or any where one item is asked for by its name."""
        return self.status or ("any" if self.external_id else "open")

    @property
    def order(self) -> str:
        """The order that counts."""
        return self.sort or ("newest" if self.state in {"decided", "withdrawn", "any"} else "urgent")

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but the order is asked for."""
        return msgspec.structs.replace(self, sort="") != Wanted()

    @property
    def looks_inside(self) -> bool:
        """Tell whether payloads must be read to answer."""
        return self.order in {"confidence", "doubt"} or any(getattr(self, name) not in {"", None} for name in INSIDE)

    def pairs(self) -> dict[str, str]:
        """Give it as an address carries it."""
        return {name: value if isinstance(value, str) else f"{value:.15g}" for name, value in _given(self)}

    def query(self, **more: str) -> str:
        """Write it as an address's query, with some of it put otherwise; blank takes it away."""
        return urlencode({name: value for name, value in (self.pairs() | more).items() if value})


class Plan(msgspec.Struct, frozen=True):
    """How a filter is answered: the source, how many rows of it are looked at, and whether they are sorted anew."""

    source: Source
    looks: int
    is_sorted_anew: bool


def plan_of(wanted: Wanted) -> Plan:
    """Choose the index that answers a filter, and how far it is followed.

    Sorted anew is what no index has in that order; then the stretch begins at the source's own beginning.
    """
    if wanted.external_id:
        return Plan(Source.NAMED, 1, is_sorted_anew=False)
    looks = LOOKS_INSIDE if wanted.looks_inside else LOOKS
    if wanted.state == "held" or wanted.holder:
        return Plan(Source.HELD, looks, is_sorted_anew=True)
    if wanted.state in {"decided", "withdrawn", "any"} or wanted.order == "newest":
        source = Source.NEWEST
    elif wanted.order == "due" or wanted.due in {"overdue", "soon", "clocked"}:
        source = Source.DUE
    else:
        source = Source.URGENT
    return Plan(source, looks, is_sorted_anew=wanted.order != NATURAL[source])


def read(pairs: Iterable[tuple[str, str]], *, besides: Iterable[str] = ()) -> Wanted:
    """Read a filter out of an address's query; blank values leave it open.

    Raises:
        Invalid: it names a parameter that lists do not have, one twice, or a value that none has (422).
    """
    given: dict[str, str] = {}
    faults: list[FieldError] = []
    known, others = set(Wanted.__struct_fields__), set(besides)
    for name, value in pairs:
        if name in others:
            continue
        if name not in known:
            faults.append(
                FieldError(
                    name[:LONGEST],
                    say("is no filter of this list, which has %(filters)s", filters=", ".join(sorted(known))),
                )
            )
        elif name in given:
            faults.append(FieldError(name, say("is given more than once")))
        else:
            given[name] = value.strip()
    given = {name: value for name, value in given.items() if value}
    faults += [fault for name, value in given.items() if (fault := _fault(name, value)) is not None]
    if not faults:
        shares = {name: float(given[name]) for name in ("confidence_from", "confidence_to") if name in given}
        wanted = msgspec.convert(given | shares, Wanted)
        faults += _contradictions(wanted)
        if not faults:
            return wanted
    message = say("The list cannot be asked for that; nothing was read. Mend what is named below.")
    raise Invalid(message, errors=tuple(faults[:20]))


_CHOICES = {"status": STATUSES, "sort": SORTS, "due": DUE_STATES, "escalated": (FLAG, "no")}


def _fault(name: str, value: str) -> FieldError | None:
    if name in _CHOICES:
        message = say("is one of %(choices)s", choices=", ".join(_CHOICES[name]))
        return None if value in _CHOICES[name] else FieldError(name, message)
    if name in {"confidence_from", "confidence_to"}:
        return None if _is_share(value) else FieldError(name, say("is a number from 0 to 1"))
    if name == "source":
        return None if _is_id(value) else FieldError(name, say("is the id of the key that sent it"))
    if len(value) > LONGEST:
        return FieldError(name, say("is longer than %(most)s characters", most=LONGEST))
    return FieldError(name, say("holds a character that nothing here has")) if "\0" in value else None


def _contradictions(wanted: Wanted) -> list[FieldError]:
    low, high = wanted.confidence_from, wanted.confidence_to
    faults: list[FieldError] = []
    if low is not None and high is not None and low > high:
        faults.append(FieldError("confidence_from", say("is above confidence_to, so nothing could match")))
    if wanted.holder and wanted.state not in {"open", "held", "any"}:
        faults.append(
            FieldError(
                "holder", say("goes with status open or held, for nobody has what is %(state)s", state=wanted.state)
            )
        )
    if (
        wanted.state in {"decided", "withdrawn", "any"}
        and wanted.order not in {"newest", "oldest"}
        and not wanted.holder
    ):
        faults.append(FieldError("sort", say("is newest or oldest where status is %(state)s", state=wanted.state)))
    if wanted.order == "due" and wanted.due == "none":
        faults.append(FieldError("due", say("none has no due time to sort by")))
    return faults


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _is_id(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _given(wanted: Wanted) -> list[tuple[str, str | float]]:
    values = [(name, getattr(wanted, name)) for name in Wanted.__struct_fields__]
    return [(name, value) for name, value in values if value not in {"", None}]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a list, behind which the next page begins: a row's sort keys and its id."""

    key: float | int | None = None
    at: datetime | None = None
    id: UUID

    def mark(self) -> str:
        """Write it as an address carries it."""
        at = "" if self.at is None else "~" if self.at.year == FOREVER_YEAR else self.at.isoformat()
        return f"{'' if self.key is None else format(self.key, '.17g')}_{at}_{self.id}"


FOREVER_YEAR = 9999
FOREVER = datetime.max  # noqa: DTZ901  as the driver gives and takes infinity


def place_of(mark: str) -> Place | None:
    """Read a place; None for the beginning.

    Raises:
        Invalid: it is no place of ours (422).
    """
    if not mark:
        return None
    try:
        key, at, row = mark.split("_")
        moment = None if not at else FOREVER if at == "~" else _moment(at)
        number = _number(key) if key else None
        return Place(key=number, at=moment, id=UUID(row))
    except ValueError as fault:
        message = say("The place in the list is not one that this service gave; start again without it.")
        raise Invalid(message, errors=(FieldError("after", say("is no place in a list")),)) from fault


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _number(text: str) -> float:
    number = float(text)
    if not abs(number) < 1e300:
        raise ValueError(text)
    return number
