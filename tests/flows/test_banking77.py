"""The loop on real customer messages: a text classifier, people, labels, a Parquet export, and a better classifier."""

import csv
import io
import random
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from review.datasets.formats.arrow import parquet
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import World

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "banking77"
INTENTS = (
    "card_arrival",
    "card_delivery_estimate",
    "card_linking",
    "lost_or_stolen_card",
    "cash_withdrawal_charge",
    "exchange_rate",
    "declined_card_payment",
    "pending_card_payment",
    "request_refund",
    "Refund_not_showing_up",
)
SEED_LABELS = 60
STREAM = 400
SLIPS = 0.02
CONFIDENT = 0.35  # ten intents make 0.1 a guess

CONFIG = f"""
project: bank
item_types:
  intent:
    title: Customer intent
    input_schema: {{type: object, required: [text], properties: {{text: {{type: string}}}}}}
    output_schema:
      type: object
      required: [intent]
      properties: {{intent: {{enum: [{", ".join(INTENTS)}]}}}}
    reasons: [wrong_intent]
    view: {{input.text: text, output.intent: choice}}
pools:
  triage: {{lease: 10m, members: [ana@example.com, ben@example.com, cleo@example.com]}}
rules:
  - {{name: doubtful, when: 'item.confidence < {CONFIDENT}', then: {{review: triage}}}}
  - {{name: audit-sample, when: 'true', sample: 0.05, then: {{review: triage, priority: 10}}}}
  - {{name: rest, when: 'true', then: {{approve: true}}}}
"""

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"BANKING77 IS NOT HERE: put train.csv and test.csv into {DATA} to run this loop"
)


class Message(NamedTuple):
    text: str
    intent: str


def load(name: str) -> list[Message]:
    """Read the messages of our intents, shuffled the same way each time."""
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        found = [Message(row["text"], row["category"]) for row in csv.DictReader(file) if row["category"] in INTENTS]
    random.Random(77).shuffle(found)
    return found


class Classifier:
    """TF-IDF over words and pairs of words, and a logistic regression."""

    def __init__(self, messages: Sequence[Message]) -> None:
        text: Any = import_module("sklearn.feature_extraction.text")
        linear: Any = import_module("sklearn.linear_model")
        pipeline: Any = import_module("sklearn.pipeline")
        self._fitted: Any = pipeline.make_pipeline(
            text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), linear.LogisticRegression(C=10, max_iter=500)
        )
        self._fitted.fit([each.text for each in messages], [each.intent for each in messages])

    def predict(self, messages: Sequence[Message]) -> list[tuple[str, float]]:
        shares: list[list[float]] = self._fitted.predict_proba([each.text for each in messages]).tolist()
        names: list[str] = self._fitted.classes_.tolist()
        return [max(zip(names, row, strict=True), key=lambda pair: pair[1]) for row in shares]

    def accuracy(self, messages: Sequence[Message]) -> float:
        found = self.predict(messages)
        return sum(a[0] == b.intent for a, b in zip(found, messages, strict=True)) / len(messages)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def submit(
    http: httpx.AsyncClient, key: str, model: Classifier, messages: Sequence[Message]
) -> list[dict[str, Any]]:
    """Submit the model's predictions as one batch of lines, and give what became of each."""
    lines = [
        {
            "type": "intent",
            "external_id": f"msg-{number}",
            "input": {"text": message.text},
            "output": {"intent": intent},
            "model": {"name": "tfidf-lr", "version": "1"},
            "confidence": confidence,
        }
        for number, (message, (intent, confidence)) in enumerate(zip(messages, model.predict(messages), strict=True))
    ]
    headers = bearer(key) | {"Content-Type": "application/x-ndjson"}
    content = b"\n".join(msgspec.json.encode(line) for line in lines)
    answer = await http.post("/api/v1/items/batch", content=content, headers=headers)
    assert answer.status_code == 200
    results: list[dict[str, Any]] = answer.json()["results"]
    assert {result["status"] for result in results} == {201}
    return [result["item"] for result in results]


async def review_all(
    http: httpx.AsyncClient, token: str, truths: dict[str, str], dice: random.Random
) -> dict[str, str]:
    """Review everything that is open as one person does, with the odd slip; give what was decided, by external id."""
    decided: dict[str, str] = {}
    while True:
        answer = await http.post("/api/v1/pools/triage/claims", json={"limit": 20}, headers=bearer(token))
        assignments = answer.json()["data"]
        if not assignments:
            return decided
        for assignment in assignments:
            item = assignment["item"]
            seen = truths[item["external_id"]] if dice.random() >= SLIPS else dice.choice(INTENTS)
            right = seen == item["output"]["intent"]
            judged = {"verdict": "approve"} if right else {"verdict": "correct", "output": {"intent": seen}}
            path = f"/api/v1/assignments/{assignment['id']}/review"
            done = await http.post(path, json=judged | {"fence": assignment["fence"]}, headers=bearer(token))
            assert done.status_code == 200, done.text
            assert done.json()["item"]["decision"]["output"] == {"intent": seen}
            decided[item["external_id"]] = seen


async def test_people_make_the_classifier_better(db: Database, settings: Settings, http: httpx.AsyncClient) -> None:
    world = await World.build(db, settings, project="bank", source=CONFIG)
    messages, held_out = load("train.csv"), load("test.csv")
    seed, stream = messages[:SEED_LABELS], messages[SEED_LABELS : SEED_LABELS + STREAM]
    first = Classifier(seed)

    items = await submit(http, world.service_key, first, stream)
    waiting = {item["external_id"] for item in items if item["decision"] is None}
    truths = {f"msg-{number}": message.intent for number, message in enumerate(stream)}
    dice = random.Random(1)
    decided = await review_all(http, world.tokens["ana"], truths, dice)

    assert set(decided) == waiting
    assert 40 < len(waiting) < STREAM
    exported = await http.get("/api/v1/feedback/export?format=parquet", headers=bearer(world.service_key))
    rows = parquet.read_table(io.BytesIO(exported.content)).to_pylist()
    assert {row["external_id"]: row["label"]["intent"] for row in rows} == decided
    doubtful = [row for row in rows if row["route"]["rule"] == "doubtful"]
    assert all(row["confidence"] < CONFIDENT and row["route"]["inclusion_probability"] == 1.0 for row in doubtful)
    sampled = [row for row in rows if row["route"]["rule"] == "audit-sample"]
    assert {row["route"]["inclusion_probability"] for row in sampled} <= {0.05}

    learnt = [Message(row["input"]["text"], row["label"]["intent"]) for row in rows]
    before, after = first.accuracy(held_out), Classifier([*seed, *learnt]).accuracy(held_out)
    assert after > before + 0.05, f"accuracy went from {before:.3f} to {after:.3f} with {len(learnt)} labels"
