"""Which rules speak of a model version, and the condition that holds for it alone; no I/O."""

import json
from collections.abc import Iterable

import msgspec

from review.routing.rules import Rule
from review.routing.tokens import Token, scan, text_of


class Naming(msgspec.Struct, frozen=True):
    """A rule whose condition reads an item's model; `is_named` where it has this version's own words in it."""

    rule: str
    condition: str
    is_named: bool


def rules_that_read_models(rules: Iterable[Rule], words: Iterable[str]) -> tuple[Naming, ...]:
    """List the rules that read the model, and tell which have one of these words in their condition.

    What a list holds is not looked at: a rule that looks a version up in a list reads the model without naming it.
    """
    wanted = {word for word in words if word}
    found: list[Naming] = []
    for rule in rules:
        tokens = list(scan(rule.condition.source))
        if any(_reads_model(tokens, at) for at in range(len(tokens))):
            is_named = any(text_of(token) in wanted for token in tokens)
            found.append(Naming(rule.name, rule.condition.source, is_named))
    return tuple(found)


def condition_for(name: str, version: str, prompt_version: str) -> str:
    """Write the condition that holds for what one version made, and for nothing that does not say so much."""
    if not name:
        return "!has(item.model.name)"
    fields = {"name": name, "version": version, "prompt_version": prompt_version}
    parts = [
        f"has(item.model.{field}) && item.model.{field} == {json.dumps(value, ensure_ascii=False)}"
        for field, value in fields.items()
        if value
    ]
    return " && ".join(parts)


def _reads_model(tokens: list[Token], at: int) -> bool:
    return [token.text for token in tokens[at : at + 3]] == ["item", ".", "model"] and (
        at == 0 or tokens[at - 1].text != "."
    )
