"""One item type for each kind of content, and an item of each, made here and small."""

import base64
import io
import struct
import wave
import zlib
from typing import Any

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.identity import keys
from tests.make import CONFIG, World

TYPES = """
  entities:
    undo: 0s
    input_schema: {type: object, required: [text], properties: {text: {type: string}}}
    output_schema:
      type: object
      required: [spans]
      properties:
        spans:
          type: array
          items:
            type: object
            required: [start, end, label]
            properties:
              start: {type: integer, minimum: 0}
              end: {type: integer, minimum: 1}
              label: {enum: [person, place, company]}
    view: {input.text: text, output.spans: spans}
  receipt:
    undo: 0s
    input_schema: true
    output_schema:
      type: object
      properties:
        total: {type: number}
        shop: {type: string}
    view: {input.photo: image, output: extraction, signals.sure: confidences, input.where: evidence}
  answers:
    undo: 0s
    input_schema: true
    output_schema: {type: object, required: [better], properties: {better: {enum: [A, B, tie]}}}
    view: {input.question: text, input.answers: pair, output.better: choice}
  recording:
    undo: 0s
    input_schema: true
    output_schema: {type: object, required: [intent], properties: {intent: {enum: [order, complaint]}}}
    view:
      {input.call: audio, input.film: video, input.contract: pdf, input.script: 'code:python', output.intent: choice}
  mixture:
    input_schema: true
    output_schema: true
    view:
      input.letter: text
      input.photo: image
      input.talk: chat
      input.rows: table
      input.edit: diff
      output.spans: spans
      output.boxes: boxes
      output.fields: extraction
      output.pair: pair
pools:
"""
TEXT = "Ana Müller 🙂 moved from Zürich to work for Acme in Oslo."


def png(width: int = 120, height: int = 80) -> bytes:
    """Draw a picture of stripes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 2 + y) % 256 for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: float = 0.2) -> bytes:
    """Record silence."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(b"\0\0" * int(8_000 * seconds))
    return kept.getvalue()


def pdf() -> bytes:
    """Write a PDF of one empty page."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    )


def uri(raw: bytes, kind: str) -> str:
    """Carry bytes in an item."""
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


ITEMS: dict[str, dict[str, Any]] = {
    "entities": {
        "input": {"text": TEXT},
        "output": {"spans": [{"start": 0, "end": 10, "label": "person"}, {"start": 24, "end": 30, "label": "company"}]},
    },
    "receipt": {
        "input": {
            "photo": uri(png(), "image/png"),
            "where": {
                "total": {"x": 60, "y": 40, "width": 30, "height": 10},
                "shop": {"polygon": [[5, 5], [50, 5], [50, 20], [5, 20]]},
            },
        },
        "output": {"total": 12.5, "shop": "Bakery"},
        "signals": {"sure": {"total": 0.55, "shop": 0.97}},
    },
    "answers": {
        "input": {
            "question": "Which is kinder?",
            "answers": {"a": "We are sorry. It comes today.", "b": "It comes today."},
        },
        "output": {"better": "B"},
    },
    "recording": {
        "input": {
            "call": uri(wav(), "audio/wav"),
            "film": "https://films.example/a.mp4",
            "contract": uri(pdf(), "application/pdf"),
            "script": "def due(at):\n    return at  # now",
        },
        "output": {"intent": "order"},
    },
}

ITEMS["mixture"] = {
    "input": {
        "letter": TEXT,
        "photo": ITEMS["receipt"]["input"]["photo"],
        "talk": [{"role": "user", "content": "Where is it?"}, {"role": "tool", "name": "look_up", "content": "Here."}],
        "rows": [{"date": "2026-10-01", "amount": 12.5}, {"date": "2026-10-02", "amount": 80}],
        "edit": ["It comes today.", "It comes tomorrow."],
    },
    "output": {
        "spans": [{"start": 0, "end": 10, "label": "person"}, {"start": 4, "end": 10, "label": "name"}],
        "boxes": [{"x": 10, "y": 10, "width": 50, "height": 20, "label": "logo", "confidence": 0.9}],
        "fields": {"shop": "Bakery", "lines": [{"article": "Bread"}]},
        "pair": ["one", "two"],
    },
}


async def configure(world: World) -> None:
    """Give a world's project these item types."""
    source = CONFIG.format(project=world.project).replace("pools:\n", TYPES.lstrip("\n"), 1)
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)
    world.service = await keys.authenticate_key(world.db.hot, world.service_key)
    world.config = await world.configs.get(world.service.project_id, world.service.config_version)
