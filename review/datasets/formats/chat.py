"""Supervised fine-tuning: a line of JSON with `messages`, the last of which is the answer that counts (TRL's SFT)."""

from collections.abc import Callable
from typing import Any

from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import answer_of, messages_of
from review.datasets.formats.mapping import compiled
from review.datasets.formats.rendering import NO_LABEL, Lacks, Rendering, Wanted

Prompt = Callable[[Record], list[Any]]


def make(wanted: Wanted) -> Rendering:
    """Make the format ready."""
    options, prompt = wanted.options, prompt_of(wanted)

    def render(record: Record) -> bytes:
        answer = answer_of(record["label"], options.answer_at)
        if answer is None:
            raise Lacks(NO_LABEL)
        line = {"messages": [*prompt(record), said(answer)], "weight": record["weight"], "id": record["id"]}
        return dump(line) + b"\n"

    return Rendering(render, with_nulls=bool(options.template))


def prompt_of(wanted: Wanted) -> Prompt:
    """Give what tells the messages before an answer: those of the input, or one that the template writes."""
    options = wanted.options
    write = compiled(options.template, wanted.columns) if options.template else None

    def prompt(record: Record) -> list[Any]:
        found = [{"role": "user", "content": write(record)}] if write else messages_of(record, options.prompt_at)
        if options.system and found[0]["role"] != "system":
            return [{"role": "system", "content": options.system}, *found]
        return found

    return prompt


def said(answer: str) -> dict[str, str]:
    """Give an answer as a message."""
    return {"role": "assistant", "content": answer}
