"""What Label Studio exports as JSON, as rows with an answer for each control of its form; no I/O."""

from collections.abc import Mapping
from typing import Any

from review.kernel.shapes import is_list, is_number, is_object

# Under which name of a result's value the answer stands, and whether several of them are a list.
_LISTS = ("choices", "text", "taxonomy", "pairwise")
_VALUES = ("rating", "number", "datetime", "selected")


def row_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """Give the task's data, its label by `from_name`, and the prediction that came with it.

    Of several annotations it is the one marked as ground truth, or else the last that nobody cancelled.
    """
    row: dict[str, Any] = {"data": task.get("data")}
    if task.get("id") is not None:
        row["external_id"] = f"label-studio-{task['id']}"
    if (annotation := _annotation(task)) is not None:
        row["label"] = answers_of(annotation.get("result"))
        row["annotation"] = {name: each for name, each in annotation.items() if name != "result"}
    if (prediction := _last(task.get("predictions"))) is not None:
        row["output"] = answers_of(prediction.get("result"))
        version, score = prediction.get("model_version"), prediction.get("score")
        if isinstance(version, str) and version:
            row["model"] = {"name": "label-studio", "version": version}
        if is_number(score) and 0 <= score <= 1:
            row["confidence"] = score
    return row


def answers_of(result: object) -> dict[str, Any]:
    """Give each control's answer: one choice, text or number bare, several as a list, regions as a list of objects."""
    answers: dict[str, Any] = {}
    regions: dict[str, list[Any]] = {}
    for each in result if is_list(result) else []:
        if not is_object(each) or not isinstance(name := each.get("from_name"), str):
            continue
        value, kind = each.get("value"), each.get("type")
        if not is_object(value):
            continue
        if kind in {"choices", "taxonomy", "rating", "number", "textarea", "pairwise", "datetime"}:
            answers[name] = _answer(value)
        else:
            regions.setdefault(name, []).append(value)
    return answers | regions


def _answer(value: Mapping[str, Any]) -> Any:
    for name in _LISTS:
        if is_list(found := value.get(name)):
            return found[0] if len(found) == 1 else found
        if found is not None:
            return found
    return next((value[name] for name in _VALUES if name in value), dict(value))


def _annotation(task: Mapping[str, Any]) -> dict[str, Any] | None:
    given = task.get("annotations")
    valid = [each for each in given if is_object(each) and not each.get("was_cancelled")] if is_list(given) else []
    return next((each for each in valid if each.get("ground_truth")), valid[-1] if valid else None)


def _last(given: object) -> dict[str, Any] | None:
    found = [each for each in given if is_object(each)] if is_list(given) else []
    return found[-1] if found else None
