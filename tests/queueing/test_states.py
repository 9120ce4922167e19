"""The state machine of a seat, and the page that shows it: made from the same table."""

import os
from pathlib import Path

import pytest

from review.queueing.rules import TRANSITIONS, Act, AssignmentState, may

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
WHO = {
    Act.CLAIM: "a reviewer of the pool; the fence grows by one",
    Act.RESERVE: "the page of a reviewer of the pool, for the item that comes next; it does not count as seen",
    Act.SHOW: "the page that reserved it; from now on it is in hand",
    Act.STOW: "the holder, who takes another verdict back; it comes next",
    Act.EXTEND: "the holder's page, while it is open",
    Act.RELEASE: "the holder; it may be offered to them again",
    Act.SNOOZE: "the holder, until a moment; it stays theirs, out of hand",
    Act.TAKE_UP: "who has put it aside, or for whom it is kept; the fence grows by one",
    Act.HAND_BACK: "the holder, with a note, to somebody who had it before, for whom it is kept for a while",
    Act.SEND_BACK: "the holder, with a note, to another pool it has stood in; it is not offered to them again",
    Act.SKIP: "the holder, with a reason; it is never offered to them again",
    Act.ESCALATE: "the holder, with a reason; the next step of the escalation policy is taken, or the priority rises",
    Act.LAPSE: "a timer, once the lease has ended; it may be offered to them again",
    Act.REASSIGN: "a step of an escalation policy; it is never offered to the same person again",
    Act.ASK: "the holder, with a question to upstream; a seat like it opens for them once there is an answer",
    Act.GIVE: "the holder, with a verdict on the page; it counts later",
    Act.TAKE_BACK: "the holder, before it counts",
    Act.REVIEW: "the holder, with a verdict; or a timer, once a given one may not be taken back any more",
    Act.CLOSE: "a decision, an override or a withdrawal of the item",
}
MADE = (
    "Made from `review/queueing/rules.py` by `tests/queueing/test_states.py`; write it anew with"
    " `WRITE_DOCS=1 pytest tests/queueing/test_states.py`."
)


def drawn() -> str:
    """Write the page."""
    lines = [f"    {before} --> {after}: {act}" for (before, act), after in TRANSITIONS.items()]
    table = [f"| `{act}` | {WHO[act]} |" for act in Act]
    return "\n".join(
        [
            "# The states of an assignment",
            "",
            MADE,
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> open",
            *lines,
            "    done --> [*]",
            "    cancelled --> [*]",
            "```",
            "",
            "| act | who or what |",
            "| --- | --- |",
            *table,
            "",
            "A review seat that opens again stands in the pool where its case is by then, should a step have moved it.",
            "",
            "An item is `in_review` while one of its assignments is held, `queued` while it is open and none is.",
            "",
        ]
    )


def test_the_page_shows_the_table_as_it_is() -> None:
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(drawn())
    assert PAGE.read_text() == drawn()


@pytest.mark.parametrize("act", list(Act))
def test_every_act_is_possible_somewhere_and_nothing_follows_the_end(act: Act) -> None:
    assert any(may(state, act) for state in AssignmentState)
    assert not may(AssignmentState.DONE, act)
    assert not may(AssignmentState.CANCELLED, act)
