"""The audit section of a document: which share of what rules let through goes to people all the same; no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from review.configuration.checks import Checks, list_of
from review.configuration.routes import find_impossible
from review.items.types import ItemType
from review.kernel.sentences import number, say
from review.kernel.shapes import is_number
from review.routing.rules import DEFAULT_PRIORITY, Rule
from review.routing.sampling import ENOUGH, Active, AuditPlan, Stratum

KEYS = ("pool", "share", "at_least", "types", "bands", "strata", "active", "priority", "told")
STRATUM = ("share", "rule", "model", "version", "from", "below")
ACTIVE = ("near", "within", "uncertainty", "margin", "disagreement", "signals", "novelty", "enough", "seen")
DEFAULT_BANDS = (0.5, 0.8, 0.9, 0.95)
DEFAULT_FLOOR = 0.005
LEAST = 0.001  # a share below it would let one item stand for more than a thousand
MAX_STRATA = 200
MAX_BANDS = 20
MAX_PATHS = 10
MAX_SEEN = 10_000  # values, of all paths
MOST_TIMES = 1_000_000_000
SEEN_IN = ("input", "output", "metadata", "model", "signals", "tags", "impact", "subject")


class AuditPart(msgspec.Struct, frozen=True):
    """The audit as rules follow it, and the bands of confidence that its estimates are told by."""

    plan: AuditPlan | None = None
    bands: tuple[float, ...] = DEFAULT_BANDS


def read_audit(
    checks: Checks, given: object, types: Mapping[str, ItemType], pools: Sequence[str], rules: Sequence[Rule]
) -> AuditPart:
    """Check the audit section; nothing is audited where there is none."""
    if given is None:
        return AuditPart()
    section = checks.mapping("audit", given)
    checks.keys("audit", section, KEYS, required=("pool", "share"))
    if section.get("pool") is None or section.get("share") is None:
        return AuditPart()
    share = checks.share("audit.share", section["share"])
    floor = checks.share("audit.at_least", section.get("at_least", min(share, DEFAULT_FLOOR)))
    if floor < LEAST:
        checks.add(
            "audit.at_least", say("must be %(least)s at least, or one item would stand for too many", least=LEAST)
        )
    told = section.get("told", False)
    if not isinstance(told, bool):
        checks.add("audit.told", say("must be true or false"))
    named = checks.texts("audit.types", section.get("types"))
    for at, name in enumerate(named):
        checks.known(f"audit.types[{at}]", name, types, say("item type"))
    plan = AuditPlan(
        pool=checks.known("audit.pool", section["pool"], pools, say("pool")),
        share=share,
        at_least=floor,
        types=named,
        strata=_strata(checks, section.get("strata"), [rule.name for rule in rules if rule.action == "approve"]),
        active=_active(checks, section.get("active"), types),
        priority=checks.integer("audit.priority", section.get("priority", DEFAULT_PRIORITY), 0, 100),
        is_told=bool(told),
    )
    return AuditPart(plan, _bands(checks, section.get("bands")))


def _bands(checks: Checks, given: object) -> tuple[float, ...]:
    if given is None:
        return DEFAULT_BANDS
    found = list_of(given)
    is_rising = found is not None and all(is_number(each) and 0 < each < 1 for each in found)
    if not is_rising or found is None or sorted(set(found)) != found or len(found) > MAX_BANDS:
        checks.add(
            "audit.bands",
            say("must be at most %(most)s rising numbers between 0 and 1, as [0.5, 0.8, 0.9]", most=MAX_BANDS),
        )
        return DEFAULT_BANDS
    return tuple(float(each) for each in found)


def _strata(checks: Checks, given: object, rules: Sequence[str]) -> tuple[Stratum, ...]:
    values = list_of([] if given is None else given)
    if values is None or len(values) > MAX_STRATA:
        checks.add(
            "audit.strata",
            say("must be a list of at most %(most)s strata; the first that fits counts", most=MAX_STRATA),
        )
        return ()
    return tuple(_stratum(checks, f"audit.strata[{at}]", each, rules) for at, each in enumerate(values))


def _stratum(checks: Checks, path: str, given: object, rules: Sequence[str]) -> Stratum:
    section = checks.mapping(path, given)
    checks.keys(path, section, STRATUM, required=("share",))
    rule = section.get("rule")
    low, high = (_part(checks, f"{path}.{key}", section.get(key)) for key in ("from", "below"))
    if low is not None and high is not None and low >= high:
        checks.add(f"{path}.below", say("must be above `from`"))
    return Stratum(
        share=checks.share(f"{path}.share", section.get("share", 1.0)),
        rule=None if rule is None else checks.known(f"{path}.rule", rule, rules, say("rule that approves")),
        model=checks.text(f"{path}.model", section.get("model")) or None,
        version=checks.text(f"{path}.version", section.get("version")) or None,
        low=low,
        high=high,
    )


def _active(checks: Checks, given: object, types: Mapping[str, ItemType]) -> Active:
    path, usual = "audit.active", Active()
    section = checks.mapping(path, given)
    checks.keys(path, section, ACTIVE)

    def part(key: str, otherwise: float) -> float:
        return checks.share(f"{path}.{key}", section[key]) if section.get(key) is not None else otherwise

    seen, novelty = _seen(checks, section.get("seen"), types), part("novelty", 0.0)
    if novelty and not seen:
        checks.add(f"{path}.novelty", say("needs `seen`, which says how often each value of a path was seen"))
    signals: dict[str, Any] = checks.mapping(f"{path}.signals", section.get("signals"))
    return Active(
        near=part("near", usual.near),
        within=part("within", usual.within),
        uncertainty=part("uncertainty", 0.0),
        margin=part("margin", usual.margin),
        disagreement=part("disagreement", 0.0),
        signals={name: checks.share(f"{path}.signals.{name}", weight) for name, weight in signals.items()},
        novelty=novelty,
        enough=checks.integer(f"{path}.enough", section.get("enough", ENOUGH), 1, MOST_TIMES),
        seen=seen,
    )


def _seen(checks: Checks, given: object, types: Mapping[str, ItemType]) -> dict[str, dict[str, int]]:
    """Check how often each value of each path was seen, as `{output.label: {refund: 120}}`."""
    path, found = "audit.active.seen", dict[str, dict[str, int]]()
    for field, counts in checks.mapping(path, given).items():
        steps = tuple(field.split("."))
        is_path = all(steps) and steps[0] in SEEN_IN
        impossible = find_impossible(steps, types) if is_path else say("must be a path of items")
        if impossible is not None:
            checks.add(f"{path}.{field}", impossible)
        found[field] = {
            value: checks.integer(f"{path}.{field}.{value}", times, 0, MOST_TIMES)
            for value, times in checks.mapping(f"{path}.{field}", counts).items()
        }
    if len(found) > MAX_PATHS or sum(map(len, found.values())) > MAX_SEEN:
        checks.add(
            path,
            say(
                "may have %(paths)s paths, and %(values)s values of all of them together",
                paths=MAX_PATHS,
                values=number(MAX_SEEN),
            ),
        )
    return found


def _part(checks: Checks, path: str, given: object) -> float | None:
    if given is None:
        return None
    if not is_number(given) or not 0 <= given <= 1:
        checks.add(path, say("must be a confidence from 0 to 1"))
        return None
    return float(given)
