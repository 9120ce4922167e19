"""Near duplicates: what is as alike as asked is found, alike each time, and what its labels say of it is told."""

import hashlib
import json
import os
import random
import subprocess
import sys
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from review.datasets.selections import near, rules
from review.datasets.selections.choosing import Choice, with_texts
from review.datasets.selections.near import Neighbours, likeness, plain, signature_of
from review.datasets.selections.rules import Definition, Sampling, Splitting
from tests.datasets.test_selections import line

WORDS = [hashlib.sha256(b"%d" % at).hexdigest()[: 3 + at % 7] for at in range(400)]
REMOVING = Definition(sampling=Sampling(similarity_at_least=0.8, text_at="text"))
TOGETHER = Definition(
    sampling=Sampling(similarity_at_least=0.8, near="keep_together", text_at="text"),
    splitting=Splitting(parts={"train": 0.5, "test": 0.5}),
)
SEALED = "b043ff2b0ec5587449404fe4d207e12ae5d9cc3512ca01cb062fb54e35ae0cb2"  # may never change: see ADR 0057
texts = st.lists(st.sampled_from(WORDS), min_size=8, max_size=60).map(" ".join)


def shingles(text: str) -> set[str]:
    return {text[at : at + near.SHINGLE] for at in range(max(len(text) - near.SHINGLE, 0) + 1)}


def likeness_of(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def changed(text: str, seed: int, most: int) -> str:
    """Put other words in the place of up to so many."""
    draw, words = random.Random(seed), text.split()
    for _ in range(draw.randint(0, most)):
        words[draw.randrange(len(words))] = draw.choice(WORDS)
    return " ".join(words)


def ticket(seed: int, words: int = 25) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def read(definition: Definition, lines: bytes) -> tuple[Choice, list[bytes]]:
    counted = Choice(definition)
    counted.take(lines)
    choice = Choice(definition, counted.shares(), found=counted.found)
    return choice, [each.line for each in choice.take(lines)]


@settings(max_examples=300)
@given(texts, st.integers(0, 2**32), st.integers(0, 20))
def test_likeness_is_about_that_of_the_sets_of_shingles(text: str, seed: int, most: int) -> None:
    other = changed(text, seed, most)
    estimated = likeness(signature_of(text), signature_of(other))

    assert abs(estimated - likeness_of(text, other)) < 0.25  # six standard deviations, or more
    assert likeness(signature_of(text), signature_of(text)) == 1


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_a_signature_and_texts_that_differ_in_case_and_signs_are_one(text: str, other: str) -> None:
    assert len(signature_of(plain(text))) == near.BINS
    assert signature_of(plain(text)) == signature_of(plain(plain(text)))
    assert 0 <= likeness(signature_of(text), signature_of(other)) <= 1


def test_pairs_well_above_are_found_and_pairs_well_below_are_not() -> None:
    """Of those as alike as asked half are on either side, since the likeness is estimated."""
    found: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(1_500):
        text = ticket(seed)
        other = changed(text, seed, 5)
        true = likeness_of(text, other)
        if true >= 0.88 or true <= 0.7:
            neighbours = Neighbours(0.8)
            neighbours.meet(signature_of(text))
            found[true > 0.8].append(neighbours.meet(signature_of(other)) is not None)

    assert min(map(len, found.values())) > 150
    assert sum(found[True]) / len(found[True]) > 0.97
    assert sum(found[False]) / len(found[False]) < 0.03


def test_the_earliest_is_found_among_many_and_its_place_stays_as_tables_grow() -> None:
    neighbours = Neighbours(0.9)
    for seed in range(3_000):
        assert neighbours.meet(signature_of(ticket(seed))) is None

    assert [neighbours.meet(signature_of(ticket(seed))) for seed in (0, 700, 2_999)] == [0, 700, 2_999]
    assert neighbours.size == 3_000


def test_a_million_texts_would_take_a_quarter_of_a_gigabyte() -> None:
    """What is kept of a text is bounded, however long it is, so it is measured on fewer."""
    neighbours = Neighbours(0.8)
    for at in range(20_000):
        neighbours.meet(hashlib.shake_256(b"%d" % at).digest(near.BINS))

    kept = len(neighbours._signatures) + sum(len(table) * table.itemsize for table in neighbours._tables)
    assert neighbours.size == 20_000
    assert kept / neighbours.size <= 128 + 16 * 16


def test_boilerplate_that_gives_many_texts_one_key_does_not_make_each_of_them_look_at_all() -> None:
    neighbours = Neighbours(1.0)
    for at in range(500):
        assert neighbours.meet(b"boilerpl" + hashlib.shake_256(b"%d" % at).digest(near.BINS - 8)) is None

    assert sum(entry > 0 for entry in neighbours._tables[0]) == near.MOST_OF_A_KEY


def test_signatures_are_the_same_on_every_machine_and_whatever_python_salts_hashes_with() -> None:
    """Promise 30: the same selection and cut-off give the same bytes."""
    tell = (
        "from review.datasets.selections.near import Neighbours, plain, signature_of as s\n"
        "n = Neighbours(0.8); t = [f'where is my card number {at // 2} please' for at in range(300)]\n"
        "print(s(plain('Wo ist meine Karte? 我的卡在哪里')).hex(), [n.meet(s(each)) for each in t])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", tell], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1
    assert hashlib.sha256(signature_of(plain("Wo ist meine Karte? 我的卡在哪里"))).hexdigest() == SEALED


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10**6), st.sampled_from("ab")), max_size=40))
def test_what_is_left_is_the_earliest_of_each_and_no_two_that_are_as_alike_as_asked(
    rows: list[tuple[int, int, str]],
) -> None:
    given = [(changed(ticket(base), seed, 4), label) for base, seed, label in rows]
    lines = b"".join(line(at, text=text, label=label) for at, (text, label) in enumerate(given))

    choice, taken = read(REMOVING, lines)

    kept = [signature_of(json.loads(each)["input"]["text"]) for each in taken]
    assert not rows or json.loads(taken[0])["id"] == str(UUID(int=0))
    assert len(taken) + choice.counts.left_out[rules.NEAR] == len(rows)
    # All but the few that share no band.
    assert sum(likeness(a, b) >= 0.8 for at, a in enumerate(kept) for b in kept[:at]) <= 1 + len(rows) // 10
    assert read(REMOVING, lines)[1] == taken


def test_growth_changes_nothing_of_what_was_taken_and_chunks_do_not_matter() -> None:
    lines = [line(at, text=changed(ticket(at % 20), at, 3)) for at in range(120)]
    first, more = read(REMOVING, b"".join(lines[:60]))[1], read(REMOVING, b"".join(lines))[1]
    parted = Choice(REMOVING)
    for each in lines:
        parted.take(each)

    assert more[: len(first)] == first
    assert parted.counts.left_out == read(REMOVING, b"".join(lines))[0].counts.left_out


def test_near_duplicates_with_other_labels_are_counted_and_shown_with_both_texts() -> None:
    text, other = ticket(1), ticket(2)
    rows = [(text, "card"), (f"{text}!", "card"), (f"{text} x1", "loss"), (other, "loss"), (other.upper(), "card")]
    lines = b"".join(line(at, text=each, label=label) for at, (each, label) in enumerate(rows))
    definition = Definition(sampling=Sampling(distinct=True, similarity_at_least=0.8, text_at="text"))

    choice, taken = read(definition, lines)

    assert [json.loads(each)["input"]["text"] for each in taken] == [text, other]
    assert choice.counts.left_out == {rules.REPEATED: 2, rules.NEAR: 1}
    assert choice.found.conflicts == 2
    near_one, exact = with_texts(choice.found.samples, lines, "text")
    assert (near_one.earlier_label_class, near_one.label_class, near_one.text) == ("card", "loss", f"{text} x1")
    assert (near_one.earlier_text, near_one.earlier_item_id) == (text, UUID(int=1_000))
    assert 0.8 <= near_one.similarity < 1
    assert (exact.similarity, exact.earlier_text, exact.text) == (1, other, other.upper())


def test_near_duplicates_that_are_kept_go_to_the_part_of_the_earliest_and_never_part() -> None:
    rows = [changed(ticket(at % 15), at, 1) for at in range(150)]
    lines = [line(at, text=text) for at, text in enumerate(rows)]

    taken = read(TOGETHER, b"".join(lines))[1]

    assert len(taken) == 150
    parts = {row["input"]["text"]: row["split"] for row in map(json.loads, taken)}
    assert {"train", "test"} == set(parts.values())
    alike = [(text, rows[at % 15]) for at, text in enumerate(rows) if likeness_of(text, rows[at % 15]) > 0.85]
    assert len(alike) > 100
    assert all(parts[text] == parts[leader] for text, leader in alike)
    assert read(TOGETHER, b"".join(lines[:70]))[1] == taken[:70]
