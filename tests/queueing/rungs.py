"""What time and a ladder do to an item, in plain Python: the marks of its policy and the steps that they stand for."""

from typing import TYPE_CHECKING

from review.queueing.errors import AssignmentNotFound, LeaseLost

if TYPE_CHECKING:
    from tests.queueing.life import Item, Seat, Token

MEMBERS = {"triage": {"ana", "ben", "cleo", "dan", "lea"}, "seniors": {"sam", "ana", "lea"}}
CLOCKS = """
sla_policies:
  standard: {{decide: 4h, warn_at: [25%], escalation: night}}
  lenient: {{decide: 4h, escalation: lenient}}
escalation_policies:
  night:
    - {{after: 50%, notify: pool-leads}}
    - {{after: 75%, move_to: seniors, priority: +20}}
    - {{after: 90%, page: 'pool:ghosts'}}
    - {{after: 110%, reassign: true}}
    - {{after: 120%, reviewers: 1}}
    - {{after: 150%, decide: reject}}
  lenient:
    - {{after: 130%, decide: model_output}}
"""
TARGET_HOURS = 4.0
Marks = list[tuple[float, str]]  # the share of the target at which each comes, and its key
MARKS: dict[str, Marks] = {
    "standard": [
        (0.25, "warn:0"),
        (0.5, "step:0"),
        (0.75, "step:1"),
        (0.9, "step:2"),
        (1.0, "due"),
        (1.1, "step:3"),
        (1.2, "step:4"),
        (1.5, "step:5"),
    ],
    "lenient": [(1.0, "due"), (1.3, "step:0")],
}
STEPS = {"standard": 5, "lenient": 0}  # those that decide nothing; one that does comes after them
WITHIN = 1e-9


def pass_marks(item: "Item") -> None:
    """Let every mark that has come have its effect, in order."""
    for share, key in MARKS[item.policy]:
        if item.state != "open" or item.age + WITHIN < share or key in item.passed:
            continue
        if key.startswith("step:"):
            take(item, int(key.removeprefix("step:")))
            continue
        item.passed.append(key)
        item.audit.append("case.warned" if key.startswith("warn") else "case.breached")
        item.events["item.sla_warning" if key.startswith("warn") else "item.sla_breached"] += 1


def escalate(item: "Item") -> None:
    """Take what a person may bring forward, or else raise the priority."""
    untaken = [at for at in range(STEPS.get(item.policy, 0)) if f"step:{at}" not in item.passed]
    if not untaken or not take(item, untaken[0]):
        item.level += 1
        item.priority = min(100, item.priority + 20)
        item.events["item.escalated"] += 1
    item.audit.append("case.escalated")


def take(item: "Item", number: int) -> bool:
    """Take a step, or from dead ends the next, but none that decides before its time; tell whether one was taken."""
    deciding = STEPS[item.policy]
    for at in range(number, max(number + 1, deciding)):
        key = f"step:{at}"
        if key in item.passed:
            continue
        if at == deciding and any(seat.mark == "given" for seat in item.seats):
            return False  # it waits for what somebody has judged already
        item.passed.append(key)
        if at < deciding and not _does(item, at):
            item.audit.append("escalation.step_skipped")
            continue
        for seat in item.seats:
            if seat.mark == "aside":
                item.give_back(seat, "assignment.returned", None)
                item.events["item.returned"] += 1
        item.level += 1
        item.audit.append("escalation.step_taken")
        item.events["item.escalated"] += 1
        if at == deciding:
            item.lapse()
        return True
    return False


def _does(item: "Item", at: int) -> bool:
    """Do what a step of the ladder `night` says; tell whether it reached anybody."""
    match at:
        case 1:
            return _move(item)
        case 3:
            return _reassign(item)
        case 4:
            return _add_reviewer(item)
        case _:
            return at == 0  # there is always a lead, and nobody ever in the pool of ghosts


def _free(pool: str, item: "Item") -> int:
    return len(MEMBERS[pool] - set(item.parts))


def _waiting(item: "Item") -> "list[Seat]":
    return [seat for seat in item.seats if seat.state == "open"]


def _move(item: "Item") -> bool:
    if item.pool != "seniors" and _waiting(item) and not _free("seniors", item):
        return False
    if item.pool != "seniors":
        item.pool = "seniors"
        for seat in _waiting(item):
            seat.pool = "seniors"
    item.priority = min(100, item.priority + 20)
    return True


def _reassign(item: "Item") -> bool:
    in_hand = (seat for seat in item.seats if seat.state == "held" and seat.mark != "given")
    held = sorted(in_hand, key=lambda seat: seat.claimed)
    settling = [seat.pool for seat in held if seat.kind == "adjudication"]
    spare = _free(settling[0] if settling else item.pool, item) - len(_waiting(item))
    for seat in held[: max(0, spare)]:
        item.give_back(seat, "assignment.reassigned", "skipped")
        item.events["item.returned"] += 1
    return not held or spare > 0


def _add_reviewer(item: "Item") -> bool:
    live = [seat for seat in item.seats if seat.state in {"open", "held"}]
    if any(seat.kind == "adjudication" for seat in live) or item.required == 9:
        return True
    if _free(item.pool, item) - len(_waiting(item)) < 1:
        return False
    item.required += 1
    item.wants_seats += 1
    return True


def refusal_of(token: "Token") -> type[AssignmentNotFound | LeaseLost]:
    """Name what a token that no longer stands is answered; a seat that was moved to a pool of others is not told of."""
    seat, who = token.seat, token.who
    is_known = who == seat.holder or who in MEMBERS[seat.pool] or who in token.item.parts
    return LeaseLost if is_known else AssignmentNotFound
