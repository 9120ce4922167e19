"""Selections: what is taken and why not, what sampling keeps, and splits that neither leak nor move."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.datasets.selections import rules
from review.datasets.selections.choosing import Choice
from review.datasets.selections.rules import Circumstances, Criteria, Definition, Record, Sampling, Splitting
from review.datasets.selections.splits import faults_of, group_of, part_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
THREE = Splitting(parts={"train": 0.8, "validation": 0.1, "test": 0.1}, by="subject")


def record(**more: Any) -> Record:
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "item_id": UUID(int=2),
        "type": "ticket",
        "type_version": 1,
        "input": msgspec.Raw(b'{"text":"where is my card"}'),
        "label": {"label": "card"},
        "verdict": "correct",
        "source": "review",
        "decided_at": NOON,
        "model": {"name": "clf", "version": "2"},
        "tags": ("beta",),
        "reviews": 2,
        "agreement": 0.5,
    }
    return Record(**(given | more))


def line(at: int, *, label: str | None = "card", text: str = "", around: list[Any] | None = None) -> bytes:
    value = {
        "id": str(UUID(int=at)),
        "item_id": str(UUID(int=1_000 + at)),
        "type": "ticket",
        "type_version": 1,
        "input": {"text": text or f"text {at}"},
        "label": None if label is None else {"label": label},
        "verdict": "approve",
        "source": "review",
        "decided_at": NOON.isoformat(),
        "route": {"rule": "r", "ruleset_version": 3, "inclusion_probability": 0.5},
    }
    return f"{json.dumps(value)}\t{json.dumps(around or [None, 'triage', 1, True, []])}\n".encode()


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        (Criteria(), None),
        (Criteria(types=("invoice",)), rules.TYPE),
        (Criteria(models=("clf",)), None),
        (Criteria(models=("clf@2",)), None),
        (Criteria(models=("clf@3",)), rules.MODEL),
        (Criteria(verdicts=("approve",)), rules.VERDICT),
        (Criteria(sources=("override",)), rules.SOURCE),
        (Criteria(rules=("other",)), rules.RULE),
        (Criteria(pools=("triage",)), None),
        (Criteria(pools=("seniors",)), rules.POOL),
        (Criteria(tags=("beta", "gamma")), None),
        (Criteria(tags=("gamma",)), rules.TAGS),
        (Criteria(without_tags=("beta",)), rules.EXCLUDED),
        (Criteria(since=NOON), None),
        (Criteria(until=NOON), rules.TIME),
        (Criteria(since=NOON + timedelta(microseconds=1)), rules.TIME),
        (Criteria(agreement_at_least=0.6), rules.AGREEMENT),
        (Criteria(reviews_at_least=3), rules.REVIEWS),
        (Criteria(gold="included"), None),
        (Criteria(gold="only"), rules.NOT_GOLD),
    ],
)
def test_each_criterion_leaves_out_what_it_names_and_says_so(criteria: Criteria, reason: str | None) -> None:
    assert rules.why_left_out(criteria, record(), Circumstances(pool="triage")) == reason


def test_revisions_that_were_replaced_and_rejections_are_left_out_unless_asked_for() -> None:
    old, rejected = Circumstances(revision=1, is_last=False), record(label=None, verdict="reject")

    assert rules.why_left_out(Criteria(), record(), old) == rules.REVISED
    assert rules.why_left_out(Criteria(revisions="all"), record(), old) is None
    assert rules.why_left_out(Criteria(), rejected, Circumstances()) == rules.NO_LABEL
    assert rules.why_left_out(Criteria(with_label=False), rejected, Circumstances()) is None


def test_gold_is_left_out_with_its_reason_unless_it_is_asked_for() -> None:
    known = record(gold=True)

    assert rules.why_left_out(Criteria(), known, Circumstances()) == rules.GOLD
    assert rules.why_left_out(Criteria(gold="included"), known, Circumstances()) is None
    assert rules.why_left_out(Criteria(gold="only"), known, Circumstances()) is None


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**6)), max_size=200),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**6)), max_size=200),
)
def test_no_group_is_in_two_parts_and_none_moves_as_data_grows(
    first: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    def put(rows: list[tuple[int, int]]) -> dict[int, set[str]]:
        parts: defaultdict[int, set[str]] = defaultdict(set)
        for subject, item in rows:
            about = Circumstances(subject=f"customer-{subject}")
            parts[subject].add(part_of(THREE, group_of(THREE, record(item_id=UUID(int=item)), about)))
        return parts

    before, after = put(first), put(first + more)

    assert all(len(parts) == 1 for parts in after.values())
    assert all(after[subject] == parts for subject, parts in before.items())


def test_parts_have_about_the_shares_that_were_asked_for() -> None:
    counts = Counter(part_of(THREE, f"item\0{at}") for at in range(10_000))

    assert 7_800 < counts["train"] < 8_200  # five standard deviations are 200
    assert 850 < counts["test"] < 1_150


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"train": 0.7, "test": 0.3}, None),
        ({"a": 0.1, "b": 0.2, "c": 0.7}, None),
        ({"train": 0.7, "test": 0.2}, "has shares that do not add up to 1"),
        ({"../x": 1.0}, "has a part '../x': a name is letters, digits and underscores"),
    ],
)
def test_parts_add_up_to_one_and_are_named_so_that_files_can_be(parts: dict[str, float], fault: str | None) -> None:
    assert faults_of(parts) == fault


def test_a_group_by_a_path_of_the_input_takes_its_value_and_else_the_item() -> None:
    by = Splitting(by="input.account.id")
    inside = record(input=msgspec.Raw(b'{"account":{"id":7}}'))

    assert group_of(by, inside, Circumstances()) == group_of(
        by, msgspec.structs.replace(inside, id=UUID(int=9)), Circumstances()
    )
    assert group_of(by, record(), Circumstances()) == f"item\0{UUID(int=2)}"


def test_balancing_takes_of_each_class_about_what_the_rarest_has() -> None:
    lines = b"".join(line(at, label="rare" if at % 20 == 0 else "common") for at in range(4_000))
    definition = Definition(sampling=Sampling(balanced=True))
    counted = Choice(definition)
    counted.take(lines)

    choice = Choice(definition, counted.shares())
    taken = choice.take(lines)

    assert counted.shares() == {"rare": 1.0, "common": 200 / 3_800}
    assert choice.counts.classes["rare"] == 200
    assert 130 < choice.counts.classes["common"] < 270  # five standard deviations are 70
    assert choice.counts.left_out[rules.SAMPLED_OUT] == 4_000 - len(taken)
    common = next(row for row in map(json.loads, (each.line for each in taken)) if row["label_class"] == "common")
    assert common["sampling_probability"] == 200 / 3_800
    assert common["weight"] == pytest.approx(1 / (0.5 * 200 / 3_800))


def test_repetitions_are_told_by_their_words_and_the_first_one_stays() -> None:
    texts = ["Where is my card?", "where is  my card", "Where is my cart?", "???", "!!!"]
    choice = Choice(Definition(sampling=Sampling(distinct=True, text_at="text")))

    taken = choice.take(b"".join(line(at, text=text) for at, text in enumerate(texts)))

    assert [json.loads(each.line)["input"]["text"] for each in taken] == [texts[0], *texts[2:]]
    assert choice.counts.left_out == {rules.REPEATED: 1}


def test_the_text_is_the_one_that_there_is_or_what_stands_at_the_path_or_all_of_it() -> None:
    one, two = msgspec.Raw(b'{"text":"where"}'), msgspec.Raw(b'{"b":"x","a":{"c":"y"}}')

    assert [rules.text_of(one, path) for path in ("", "text", "none")] == ["where", "where", "null"]
    assert [rules.text_of(two, path) for path in ("", "a.c", "a")] == ['{"a":{"c":"y"},"b":"x"}', "y", '{"c":"y"}']


@pytest.mark.parametrize(
    ("label", "path", "name"),
    [
        ({"label": "card"}, "", "card"),
        ({"label": "card", "urgent": True}, "label", "card"),
        ({"label": "card", "urgent": True}, "", '{"label":"card","urgent":true}'),
        ({"n": 3}, "", "3"),
        ({"label": "card"}, "missing.path", rules.UNLABELLED),
        (None, "", rules.UNLABELLED),
    ],
)
def test_the_class_of_a_label_is_a_text(label: object, path: str, name: str) -> None:
    assert rules.class_of(label, path) == name


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1),
    st.none() | st.integers(1, 600),
    st.booleans(),
)
def test_shares_are_chances_and_bound_what_is_expected(
    counts: dict[str, int], most: int | None, balanced: bool
) -> None:
    sampling = Sampling(balanced=balanced, at_most=most)
    shares = rules.shares_of(sampling, Counter(counts))

    bound = min([each for each in (min(counts.values()) if balanced else None, most) if each], default=10**9)
    assert all(0 < share <= 1 for share in shares.values())
    assert all(shares[name] * count <= bound + 1e-6 for name, count in counts.items())
    assert all(shares[name] == 1 for name, count in counts.items() if count <= bound)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1),
    st.dictionaries(st.text(max_size=3), st.floats(0.01, 100), max_size=6),
    st.none() | st.integers(1, 600),
)
def test_weights_give_the_proportion_of_those_that_have_one_and_leave_the_others(
    counts: dict[str, int], weights: dict[str, float], most: int | None
) -> None:
    shares = rules.shares_of(Sampling(weights=weights, at_most=most), Counter(counts))

    taken = {name: shares[name] * count for name, count in counts.items()}
    weighed = {name: taken[name] / weights[name] for name in counts if name in weights}
    assert all(0 < share <= 1 for share in shares.values())
    assert all(each == pytest.approx(next(iter(weighed.values()))) for each in weighed.values())
    assert all(taken[name] == pytest.approx(min(counts[name], most or 500)) for name in counts if name not in weights)
    # As many as there are: one of them is taken whole, or as far as it may be.
    assert not weighed or any(taken[name] == pytest.approx(min(counts[name], most or 500)) for name in weighed)


def test_weighted_records_say_the_chance_with_which_they_were_taken() -> None:
    """The weight undoes the sampling: what is taken of a class, weighed, comes to about what there is of it."""
    lines = b"".join(line(at, label=("a", "b", "c")[at % 3]) for at in range(3_000))
    definition = Definition(sampling=Sampling(weights={"a": 1, "b": 0.25}))
    counted = Choice(definition)
    counted.take(lines)

    taken = [json.loads(each.line) for each in Choice(definition, counted.shares()).take(lines)]

    assert counted.shares() == {"a": 1.0, "b": 0.25, "c": 1.0}
    assert {(row["label_class"], row["sampling_probability"]) for row in taken} == {("a", 1), ("b", 0.25), ("c", 1)}
    weighed = sum(row["weight"] for row in taken if row["label_class"] == "b") * 0.5
    assert 700 < weighed < 1_300  # five standard deviations are 275
