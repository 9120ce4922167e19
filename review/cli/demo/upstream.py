"""The service whose model's predictions are reviewed: it submits them through the API."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from review.cli.demo.digits import Digit, Model, Prediction, picture

BATCH = 50

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Sent:
    """How many items were approved by rule, how many of those wrongly, and how many went to people."""

    approved: int
    approved_wrongly: int
    queued: int


async def send(
    client: httpx.AsyncClient, key: str, model: Model, version: str, digits: Sequence[Digit], advance: Advance
) -> Sent:
    """Submit the model's reading of every scan, in batches, and count what the rules did with them.

    Raises:
        httpx.HTTPStatusError, RuntimeError: the API refused a batch, or an item of it.
    """
    approved = wrongly = queued = 0
    predictions = model.predict(digits)
    for start in range(0, len(digits), BATCH):
        part = list(zip(digits[start : start + BATCH], predictions[start : start + BATCH], strict=True))
        items = [_item(digit, prediction, version) for digit, prediction in part]
        answer = await client.post("/api/v1/items/batch", json={"items": items}, headers=bearer(key))
        for (digit, prediction), result in zip(part, _results(answer), strict=True):
            if result["item"]["decision"] is None:
                queued += 1
            else:
                approved += 1
                wrongly += prediction.digit != digit.truth
        advance(len(part))
    return Sent(approved, wrongly, queued)


async def send_urgent(client: httpx.AsyncClient, key: str, model: Model, digit: Digit) -> dict[str, Any]:
    """Submit one scan that is wanted at once, and give the item.

    Raises:
        httpx.HTTPStatusError: the API refused it.
    """
    item = _item(digit, model.predict([digit])[0], "seed")
    body = item | {"external_id": f"{digit.name}-urgent", "tags": ["urgent"]}
    answer = await client.post("/api/v1/items", json=body, headers=bearer(key))
    stored: dict[str, Any] = answer.raise_for_status().json()
    return stored


def bearer(secret: str) -> dict[str, str]:
    """Give the header that carries a key or token."""
    return {"Authorization": f"Bearer {secret}"}


def _item(digit: Digit, prediction: Prediction, version: str) -> dict[str, Any]:
    return {
        "type": "digit",
        "external_id": digit.name,
        "input": {"image": picture(digit), "pixels": digit.pixels},
        "output": {"digit": prediction.digit},
        "model": {"name": "digits-logistic-regression", "version": version},
        "confidence": prediction.confidence,
        "alternatives": [{"output": {"digit": name}, "confidence": share} for name, share in prediction.others],
    }


def _results(answer: httpx.Response) -> list[dict[str, Any]]:
    answer.raise_for_status()
    results: list[dict[str, Any]] = answer.json()["results"]
    refused = [result["error"] for result in results if "item" not in result]
    if refused:
        message = f"the API refused {len(refused)} items, the first one so: {refused[0]}"
        raise RuntimeError(message)
    return results
