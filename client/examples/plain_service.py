"""A plain service: submit what a model said, send on what may go out, and act on the rest when people have judged it.

Run it against a stack of your own: COUNTERSIGN_URL and COUNTERSIGN_KEY say where and as whom.
"""

import os
import sys
from collections.abc import Iterable

from countersign_client import Client, NotDecided, Refused, Submission


def classify(text: str) -> tuple[str, float]:
    """Stand in for a model: the label, and how sure it is of it."""
    return ("lost_card", 0.95) if "lost" in text else ("card_arrival", 0.55)


def answer(client: Client, message_id: str, text: str) -> str:
    """Say what may be answered to a message; the message's own id makes it safe to ask again after a crash."""
    label, confidence = classify(text)
    item = client.submit(
        type="ticket_intent",
        external_id=message_id,
        input={"text": text},
        output={"label": label},
        confidence=confidence,
        model={"name": "intent-clf", "version": "2026-10-01"},
        wait=10,
    )
    if item.is_open:
        try:
            item = client.wait(item, timeout=600)
        except NotDecided:
            return "A colleague looks into it and will write to you."
    if item.may_go_out:
        return f"Handled as {item.outcome.output['label']}."
    return "We cannot help you here automatically."


def backfill(client: Client, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Submit many at once, and tell what was refused."""
    messages = list(texts)
    submissions: list[Submission] = []
    for message_id, text in messages:
        label, confidence = classify(text)
        submissions.append(
            {
                "type": "ticket_intent",
                "external_id": message_id,
                "input": {"text": text},
                "output": {"label": label},
                "confidence": confidence,
            }
        )
    results = client.submit_many(submissions)
    return [f"{messages[each.index][0]}: {each.error.detail}" for each in results if each.error]


def main() -> int:
    """Answer the messages on standard input, one a line."""
    with Client(os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_KEY"]) as client:
        for number, line in enumerate(sys.stdin):
            try:
                sys.stdout.write(f"{answer(client, f'stdin-{number}', line.strip())}\n")
            except Refused as refused:
                sys.stderr.write(f"{refused}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
