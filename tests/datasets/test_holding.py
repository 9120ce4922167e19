"""In which snapshots an item is, and how labels went over time: kept with the snapshot, in little space."""

import json
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.datasets.redaction.rules import Field, How
from review.datasets.selections import courses
from review.datasets.selections.courses import Courses
from review.datasets.selections.rules import Criteria, Definition, Sampling, Splitting
from review.datasets.snapshots import holding, holding_queries, positions
from review.datasets.snapshots.positions import Positions
from review.datasets.snapshots.schemas import Holding
from review.identity.rules import PERMISSIONS, Principal, Role
from review.kernel.db import Database, Hot
from review.kernel.ids import new_id
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import Place, place

__all__ = ["place"]


def principal(project_id: UUID) -> Principal:
    """Give somebody who may see datasets."""
    return Principal(
        project_id=project_id,
        project="p",
        kind="user",
        id=new_id(),
        name="Nia",
        email="nia@example.com",
        role=Role.ANALYST,
        permissions=PERMISSIONS[Role.ANALYST],
        config_version=1,
    )


async def held(db: Database, who: Principal, item: UUID) -> list[Holding]:
    return (await holding.list_of_item(db.hot, who=who, item_id=item)).data


async def test_an_item_tells_the_snapshots_that_hold_it_with_the_label_and_part_that_are_in_their_files(
    db: Database, place: Place
) -> None:
    """Issue 7, point 9: what is told of every item is what the files have."""
    who = principal(place.project_id)
    split = Splitting(parts={"train": 0.6, "test": 0.4})
    items = [await leave(db, place.project_id, label=f"l{at % 3}") for at in range(40)]
    await place.define(Definition(sampling=Sampling(shares={"l1": 0.5, "l2": 0.0}), splitting=split))
    await place.make()
    await leave(db, place.project_id, item=items[0], revision=2, label="other")
    await place.define(Definition(criteria=Criteria(revisions="all"), splitting=split))
    await place.make()

    for number in (1, 2):
        rows = (await place.table(number)).select(["item_id", "label_class", "split", "revision"]).to_pylist()
        counts = Counter(row["item_id"] for row in rows)
        wanted = {row["item_id"]: row for row in sorted(rows, key=lambda row: row["revision"])}
        for item in items:
            found = [each for each in await held(db, who, item) if each.number == number]
            told = [(each.label_class, each.split, each.revision, each.records) for each in found]
            row = wanted.get(str(item))
            assert told == (
                [(row["label_class"], row["split"], row["revision"], counts[str(item)])] if row is not None else []
            )
    assert [each.number for each in await held(db, who, items[0])] == [2, 1]
    page = await holding.list_of_item(db.hot, who=who, item_id=items[0], limit=1)
    assert page.next is not None
    assert not await held(db, principal(new_id()), items[0])
    stored = await db.hot.fetchval("SELECT sum(octet_length(bits)) FROM snapshot_positions")
    assert stored == 2 * positions.SPAN // 8  # one row each, however many records


async def test_what_was_redacted_is_told_as_the_files_have_it_or_not_at_all(db: Database, place: Place) -> None:
    """Promise 32: an item's page tells nothing of a snapshot that the snapshot does not."""
    who, split = principal(place.project_id), Splitting(parts={"train": 0.5, "test": 0.5})
    items = [await leave(db, place.project_id, label=f"secret {at}") for at in range(4)]
    together = Sampling(similarity_at_least=0.9, near="keep_together")
    ways: tuple[tuple[How, Sampling], ...] = (("mask", Sampling()), ("hash", together))
    for how, sampling in ways:
        await place.define(Definition(sampling=sampling, splitting=split, redaction=(Field(path="output", how=how),)))
        await place.make()

    masked = {row["item_id"]: row for row in (await place.table(1)).to_pylist()}
    for item in items:
        hashed, shown = await held(db, who, item)
        assert (shown.label_class, shown.split) == (masked[str(item)]["label_class"], masked[str(item)]["split"])
        assert "secret" not in str(shown.label_class)
        assert (hashed.label_class, hashed.split) == (None, None)


async def test_a_withdrawn_snapshot_stays_told_without_what_was_in_it_and_an_old_one_is_counted(
    db: Database, place: Place
) -> None:
    who = principal(place.project_id)
    item = await leave(db, place.project_id)
    await place.make()
    await place.make()
    await db.hot.execute("UPDATE snapshots SET state = 'withdrawn' WHERE number = 1")
    await db.hot.execute("UPDATE feedback SET withdrawn_at = now(), record = '{}' WHERE item_id = $1", item)
    await db.hot.execute("DELETE FROM snapshot_positions p USING snapshots s WHERE s.id = p.snapshot_id AND number = 2")
    await db.hot.execute("UPDATE snapshots SET knows_records = false WHERE number = 2")

    found = await holding.list_of_item(db.hot, who=who, item_id=item)

    (one,) = found.data
    assert (one.number, one.state, one.label_class, one.split) == (1, "withdrawn", None, None)
    assert found.unknown == 1


async def test_looking_up_touches_one_row_for_each_snapshot_and_no_file(db: Database, place: Place) -> None:
    for at in range(300):
        await db.hot.execute(
            "WITH s AS (INSERT INTO snapshots (project_id, id, dataset_id, number, definition, requested_by, state)"
            " SELECT $1, $2, id, $3, '{}', 'ana', 'ready' FROM datasets WHERE project_id = $1 RETURNING id)"
            " INSERT INTO snapshot_positions SELECT $1, span, id, $4 FROM s, generate_series(0, 40) AS span",
            *(place.project_id, new_id(), at + 1, b"\xff" * (positions.SPAN // 8)),
        )
    await db.hot.execute("ANALYZE snapshot_positions")

    (told,) = await db.hot.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {holding_queries.HOLDING}",
        *(place.project_id, [1], holding.LAST, 50),
    )
    plan = json.loads(told[0])[0]["Plan"]
    (read,) = nodes(plan, "snapshot_positions")
    assert read["Node Type"].startswith("Index")
    assert read["Shared Hit Blocks"] + read["Shared Read Blocks"] <= 300 + 10  # of 12,300 rows


def nodes(plan: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """Find the nodes that read a table."""
    own = [plan] if plan.get("Relation Name") == table else []
    return own + [each for inner in plan.get("Plans", ()) for each in nodes(inner, table)]


@given(
    st.lists(st.tuples(st.integers(0, 4 * 10**9), st.sampled_from("abcd")), max_size=60),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_a_course_counts_each_record_once_in_few_bins_whatever_the_order(
    seen: list[tuple[int, str]], most: int, random: Random
) -> None:
    def counted(order: list[tuple[int, str]]) -> courses.Course:
        made = Courses(["a", "b"], most)
        for second, name in order:
            made.add(datetime.fromtimestamp(second, UTC), name)
        return made.course()

    found = counted(seen)
    shuffled = list(seen)
    random.shuffle(shuffled)
    assert counted(shuffled) == found
    names = Counter(name for _, name in seen)
    assert [sum(each[at] for each in found.bins) for at in (1, 2, 3)] == [
        names["a"],
        names["b"],
        names["c"] + names["d"],
    ]
    assert len(found.bins) <= most
    ends = {second // found.width for second, _ in seen}
    assert {each[0] for each in found.bins} == ends


@given(st.sets(st.integers(0, 10**6), max_size=50))
def test_positions_are_kept_as_the_server_reads_them(wanted: set[int]) -> None:
    kept = Positions()
    for each in wanted:
        kept.add(each)
    found = {
        span * positions.SPAN + at
        for span, bits in kept.rows()
        for at in range(positions.SPAN)
        if bits[at // 8] >> (at % 8) & 1
    }
    assert found == wanted


async def test_who_is_still_to_judge_an_item_is_not_told_its_label(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await leave(db, place.project_id)
    await place.make()

    async def in_hand(_hot: Hot, *, who: Principal) -> frozenset[UUID]:
        return frozenset([item]) if who.name == "Nia" else frozenset()

    monkeypatch.setattr("review.items.service.list_unheard", in_hand)
    (one,) = await held(db, principal(place.project_id), item)

    assert one.label_class is None
    assert one.split in {"train", "test"}
