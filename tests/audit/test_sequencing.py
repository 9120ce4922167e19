"""Giving places: after the commit, one process at a time, whatever commits late, fails or crashes."""

import asyncio
import stat
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from review.audit import log_queries, sequencing
from review.audit import service as audit
from review.audit.notes import is_signed, read_notes
from review.audit.rules import OPERATOR, Action
from review.kernel.db import Database
from tests.audit.logs import SIGNER, advance, keeper, verify
from tests.make import CONFIG, World


async def places(world: World) -> list[tuple[int | None, str]]:
    rows = await world.db.hot.fetch(
        "SELECT position, action FROM audit_entries WHERE project_id = $1 ORDER BY position NULLS LAST, at, id",
        world.service.project_id,
    )
    return [(row["position"], row["action"]) for row in rows]


async def test_committed_entries_get_places_without_gaps_in_the_order_of_their_time(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    count = await world.count("audit_entries")
    assert await advance(world) == count
    placed = await places(world)
    assert [position for position, _ in placed] == list(range(count))
    assert [action for _, action in placed[-4:]] == [
        "item.submitted", "assignment.claimed", "review.submitted", "item.decided",
    ]  # fmt: skip  # one line each
    assert await advance(world) == 0
    report = await verify(world)
    assert (report.fault, report.records, report.checkpoints) == (None, count, 1)


async def test_a_transaction_that_began_early_and_commits_late_stands_behind_what_was_signed(world: World) -> None:
    await advance(world)
    before = await world.count("audit_entries")
    async with world.db.transaction() as tx:
        audit.record(tx, world.service.project_id, OPERATOR, Action.KEY_CREATED, details={"name": "late"})
        await tx.flush()
        await world.submit("meanwhile")
        assert await advance(world) == 1
    assert await advance(world) == 1
    assert [action for _, action in await places(world)][before:] == ["item.submitted", "key.created"]
    assert (await verify(world)).fault is None


async def test_what_rolls_back_leaves_no_gap(world: World) -> None:
    await advance(world)
    before = await world.count("audit_entries")
    with suppress(RuntimeError):
        async with world.db.transaction() as tx:
            audit.record(tx, world.service.project_id, OPERATOR, Action.KEY_CREATED)
            await tx.flush()
            raise RuntimeError
    await world.submit()
    await advance(world)
    assert (await places(world))[-1] == (before, "item.submitted")


async def test_two_sequencers_at_once_give_each_place_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_queries, "BATCH", 7)
    second = await Database.connect(world.settings)
    other = msgspec.structs.replace(keeper(world), db=second)
    writing = asyncio.create_task(_submit_many(world, 80))
    while not writing.done() or await _unplaced(world):
        await asyncio.gather(advance(world), sequencing.advance(other))
    await second.close()
    placed = [position for position, _ in await places(world)]
    assert placed == list(range(len(placed)))
    assert len(placed) > 80
    report = await verify(world)
    assert (report.fault, report.records) == (None, len(placed))


async def _submit_many(world: World, count: int) -> None:
    for number in range(count):
        await world.submit(f"text {number}")


async def _unplaced(world: World) -> int:
    return int(await world.db.hot.fetchval("SELECT count(*) FROM audit_entries WHERE position IS NULL"))


@pytest.mark.parametrize("step", ["give_places", "get_hashes", "grow"])
async def test_a_crash_in_the_middle_leaves_all_of_a_batch_or_none(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await advance(world)
    await world.submit()
    real = getattr(log_queries, step)

    async def crash(*given: object) -> object:
        await real(*given)
        message = "the process dies here"
        raise RuntimeError(message)

    with monkeypatch.context() as patched:
        patched.setattr(log_queries, step, crash)
        await advance(world)
    assert await _unplaced(world) == 1
    assert (await verify(world)).fault is None
    assert await advance(world) == 1
    assert (await verify(world)).fault is None


async def test_projects_have_logs_of_their_own(world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await other.submit()
    await advance(world)
    for each in (world, other):
        assert [position for position, _ in await places(each)] == list(range(await each.count("audit_entries")))
        assert (await verify(each)).fault is None


async def test_checkpoints_are_signed_and_kept_outside_the_database(world: World, tmp_path: Path) -> None:
    """Promise 31: what is outside is what shows that a log was cut or rebuilt."""
    await advance(world, tmp_path)
    await world.submit()
    await advance(world, tmp_path)
    await advance(world, tmp_path)
    file = tmp_path / "support.checkpoints"
    first, second = read_notes(file.read_text())
    assert first.size < second.size == await world.count("audit_entries")
    assert second.origin == f"countersign/support/{world.service.project_id}"
    assert is_signed(first, [SIGNER.public_key])
    assert not is_signed(first, [bytes(32)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await verify(world, tmp_path)).checkpoints == 4


async def test_a_checkpoint_that_was_not_kept_is_kept_at_the_next_turn(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_given: object) -> None:
        message = "the process dies here"
        raise RuntimeError(message)

    with monkeypatch.context() as patched:
        patched.setattr(log_queries, "mark_kept", crash)
        await advance(world, tmp_path)
    await advance(world, tmp_path)
    once, again = read_notes((tmp_path / "support.checkpoints").read_text())
    assert once == again
    assert (await verify(world, tmp_path)).fault is None


async def test_without_a_key_nothing_is_signed_and_the_log_still_grows(world: World) -> None:
    await sequencing.advance(keeper(world, signs=False))
    assert await world.count("audit_checkpoints") == 0
    assert await _unplaced(world) == 0
    assert (await verify(world)).fault is None


async def test_a_checkpoint_is_not_signed_before_its_time(world: World) -> None:
    await advance(world)
    await world.submit()
    patient = msgspec.structs.replace(keeper(world), every=world.settings.audit_interval)
    await sequencing.advance(patient)
    assert await world.count("audit_checkpoints") == 1
    await world.db.hot.execute("UPDATE audit_logs SET signed_at = signed_at - interval '10 seconds'")
    await sequencing.advance(patient)
    assert await world.count("audit_checkpoints") == 2
