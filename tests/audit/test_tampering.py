"""Promise 31: whatever a superuser does to the database, the verifier names the first record that is wrong."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from review.audit import log_queries, tree
from review.audit import service as audit
from review.audit.notes import Signer
from review.audit.rules import OPERATOR
from review.audit.tree import Frontier
from tests.audit.logs import SIGNER, advance, as_superuser, export, verify, verify_export
from tests.make import CONFIG, World


async def log_of(world: World, directory: Path) -> list[dict[str, Any]]:
    """Fill a log with two checkpoints, both kept outside, and give its entries."""
    for number in range(60):
        await world.submit(f"text {number}")
    await advance(world, directory)
    for _ in range(10):
        (held,) = await world.claim("ana")
        await world.judge("ana", held, "approve")
    await advance(world, directory)
    rows = await world.db.hot.fetch("SELECT * FROM audit_entries ORDER BY position")
    assert (await verify(world, directory)).fault is None
    return [dict(row) for row in rows]


EDITS = {
    "time": "at = at + interval '1 microsecond'",
    "actor": "actor_kind = 'timer'",
    "who": "actor_id = gen_random_uuid()",
    "action": "action = 'item.withdrawn'",
    "item": "item_id = gen_random_uuid()",
    "version": "config_version = 7",
    "name": "actor_name = 'eve'",
    "origin": "origin = '192.0.2.1'",
    "details": """details = '{"reason": "other"}'""",
    "salt": "salt = sha256('other')",
    "commitment": "commitment = sha256('other')",
    "leaf": "leaf_hash = sha256('other')",
    "erased by hand": "actor_name = '', origin = '', details = '{}', salt = NULL, erased_at = now()",
    "salt taken": "salt = NULL",
    "hash taken": "leaf_hash = NULL",
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
async def test_an_edited_row_is_named(world: World, tmp_path: Path, change: str) -> None:
    entries = await log_of(world, tmp_path)
    edited = entries[41]
    await as_superuser(world.db, f"UPDATE audit_entries SET {change} WHERE position = 41")
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert fault.position == 41
    if "leaf_hash = NULL" not in change and "erased_at" not in change:
        assert fault.id == str(edited["id"])
        assert fault.at is not None
        assert fault.action in {edited["action"], "item.withdrawn"}
    assert (await verify(world)).fault is not None, "the database alone shows it too"


async def test_a_deleted_row_is_named_by_its_place_and_its_neighbour(world: World, tmp_path: Path) -> None:
    entries = await log_of(world, tmp_path)
    await as_superuser(world.db, "DELETE FROM audit_entries WHERE position = 41")
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert (fault.position, fault.id) == (41, str(entries[42]["id"]))
    assert "missing" in fault.why


async def test_two_rows_that_changed_places_are_named(world: World, tmp_path: Path) -> None:
    entries = await log_of(world, tmp_path)
    await as_superuser(
        world.db,
        "UPDATE audit_entries SET position = -1 WHERE position = 41",
        "UPDATE audit_entries SET position = 41 WHERE position = 45",
        "UPDATE audit_entries SET position = 45 WHERE position = -1",
    )
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert (fault.position, fault.id) == (41, str(entries[45]["id"]))


async def test_a_tail_that_was_cut_is_caught_even_where_the_log_forgets_it(world: World, tmp_path: Path) -> None:
    entries = await log_of(world, tmp_path)
    await as_superuser(world.db, "DELETE FROM audit_entries WHERE position >= 80")
    fault = (await verify(world)).fault
    assert fault is not None
    assert fault.position == 80
    await rebuild(world, 80)
    assert (await verify(world)).fault is None, "the database alone does not show it"
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert fault.position == 80
    assert "the tail was cut off" in fault.why
    assert f"of size {len(entries)}" in fault.why


async def test_a_log_that_is_said_to_be_shorter_than_it_is_is_caught(world: World, tmp_path: Path) -> None:
    await log_of(world, tmp_path)
    await as_superuser(world.db, "UPDATE audit_logs SET size = 50")
    fault = (await verify(world)).fault
    assert fault is not None
    assert "it is said to have 50 records" in fault.why


async def test_a_project_that_was_made_anew_under_its_old_name_is_caught(world: World, tmp_path: Path) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await log_of(world, tmp_path)
    text = (tmp_path / "support.checkpoints").read_text()
    (tmp_path / "support.checkpoints").write_text(
        text.replace(str(world.service.project_id), str(other.service.project_id))
    )
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert "was not signed for this log" in fault.why
    assert (await verify(other, tmp_path)).fault is None, "another name's checkpoints are no matter of this project"


async def test_a_chain_that_was_rebuilt_is_caught_between_two_checkpoints(world: World, tmp_path: Path) -> None:
    entries = await log_of(world, tmp_path)
    first, second = [
        row["size"] for row in await world.db.hot.fetch("SELECT size FROM audit_checkpoints ORDER BY size")
    ]
    assert second == len(entries)
    await as_superuser(world.db, "UPDATE audit_entries SET actor_name = 'eve', origin = '' WHERE position = 90")
    await rebuild(world, second)
    assert (await verify(world)).fault is None, "the database alone does not show it"
    fault = (await verify(world, tmp_path)).fault
    assert fault is not None
    assert fault.position == first <= 90 < second
    assert f"the checkpoint of size {first}," in fault.why
    assert f"the checkpoint of size {second}," in fault.why


async def test_a_rebuilt_chain_whose_heads_are_signed_by_another_key_is_caught(world: World, tmp_path: Path) -> None:
    await log_of(world, tmp_path)
    size = await world.count("audit_entries")
    await as_superuser(world.db, "UPDATE audit_entries SET actor_name = 'eve' WHERE position = 3")
    await rebuild(world, size, signer=Signer("A" * 43 + "="))
    fault = (await verify(world)).fault
    assert fault is not None
    assert "was not signed for this log by the key that was given" in fault.why
    assert (await verify(world, keys=[])).fault is None, "without a key nobody can tell"


async def test_a_rewritten_row_is_narrowed_down_by_the_hashes_that_are_kept(world: World, tmp_path: Path) -> None:
    """Who rehashes the row and forgets the tree is caught within 64 records."""
    await log_of(world, tmp_path)
    await as_superuser(world.db, "UPDATE audit_entries SET actor_name = 'eve' WHERE position = 30")
    await rehash(world)
    await as_superuser(world.db, "DELETE FROM audit_checkpoints")
    fault = (await verify(world)).fault
    assert fault is not None
    assert (fault.position, "up to position 63" in fault.why) == (0, True)


async def test_an_export_shows_the_same_offline(world: World, tmp_path: Path) -> None:
    await log_of(world, tmp_path)
    await advance(world, tmp_path)
    file = await export(world, tmp_path / "log.ndjson")
    report = verify_export(file, tmp_path)
    assert (report.fault, report.records) == (None, await world.count("audit_entries"))
    assert report.checkpoints == 4
    assert verify_export(file, keys=[]).fault is None, "the export names the key"

    lines = file.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"position":41,' in line)
    spoilt = {
        "edited": [*lines[:at], lines[at].replace(b"item.submitted", b"item.withdrawn"), *lines[at + 1 :]],
        "personal": [*lines[:at], lines[at].replace(b'"actor_name":"crm"', b'"actor_name":"eve"'), *lines[at + 1 :]],
        "deleted": [*lines[:at], *lines[at + 1 :]],
        "swapped": [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
        "doubled": [*lines[:at], lines[at - 1], *lines[at:]],
        "mangled": [*lines[:at], b'{"bound":\n', *lines[at + 1 :]],
        "cut": lines[:at],
        "cut and ended": [*lines[:at], b'{"end":{"size":41}}\n'],
    }
    for name, changed in spoilt.items():
        assert changed != lines, name
        other = tmp_path / "spoilt.ndjson"
        other.write_bytes(b"".join(changed))
        fault = verify_export(other, tmp_path).fault
        assert fault is not None, name
        assert fault.position == 41, name


async def test_a_rebuilt_export_is_caught_by_what_was_kept(world: World, tmp_path: Path) -> None:
    await log_of(world, tmp_path)
    await as_superuser(world.db, "UPDATE audit_entries SET action = 'item.withdrawn' WHERE position = 70")
    await rebuild(world, await world.count("audit_entries"))
    file = await export(world, tmp_path / "log.ndjson")
    assert verify_export(file).fault is None, "the export alone does not show it"
    assert verify_export(file, tmp_path).fault is not None


async def test_what_is_personal_can_be_erased_and_the_log_still_verifies(world: World, tmp_path: Path) -> None:
    """Promise 32: the tree binds a salted commitment, so the tombstone breaks nothing, and an entry says who erased."""
    entries = await log_of(world, tmp_path)
    erased = [entry["id"] for entry in entries if entry["actor_name"] == "ana@example.com"]
    async with world.db.transaction() as tx:
        count = await audit.erase(tx, world.service.project_id, erased, actor=OPERATOR, reason="request 17")
    assert count == len(erased) == 30
    assert (await verify(world, tmp_path)).fault is None, "before the act has its place"
    await advance(world, tmp_path)
    report = await verify(world, tmp_path)
    assert (report.fault, report.erased) == (None, 30)
    left = await world.db.hot.fetch("SELECT * FROM audit_entries WHERE id = ANY($1::uuid[])", erased)
    assert not [row for row in left if "ana" in row["actor_name"] + row["details"] or row["salt"] is not None]
    (act,) = await world.db.hot.fetch("SELECT details FROM audit_entries WHERE action = 'audit.erased'")
    assert json.loads(act["details"])["reason"] == "request 17"
    file = await export(world, tmp_path / "log.ndjson")
    assert b"ana@example.com" not in b"".join(
        line for line in file.read_bytes().splitlines() if b'"review.submitted"' in line
    )
    assert verify_export(file, tmp_path).fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET at = now()",
        "UPDATE audit_entries SET actor_name = 'eve'",
        "UPDATE audit_entries SET origin = 'elsewhere'",
        "UPDATE audit_entries SET details = '{}'",
        "UPDATE audit_entries SET position = position + 1000",
        "UPDATE audit_entries SET leaf_hash = commitment",
        "UPDATE audit_entries SET salt = NULL",
        "UPDATE audit_entries SET erased_at = now()",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
    ],
)
async def test_no_slip_of_the_hand_changes_an_entry(world: World, statement: str) -> None:
    await advance(world)
    with pytest.raises(asyncpg.RestrictViolationError, match="only ever added"):
        await world.db.hot.execute(statement)
    assert (await verify(world)).fault is None


async def test_an_entry_without_a_place_cannot_be_changed_either(world: World) -> None:
    for change in ("actor_name = 'eve'", "action = 'x'", "erased_at = now()"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.db.hot.execute(f"UPDATE audit_entries SET {change}")


async def rehash(world: World) -> list[bytes]:
    """Bind every record anew, as the sequencer would have."""
    given = log_queries.GIVE_PLACES.split("UPDATE audit_entries e SET")[1].split("FROM bound b")[0]
    personal = log_queries._PERSONAL
    await as_superuser(
        world.db,
        "UPDATE audit_entries e SET commitment ="
        f" sha256(convert_to(encode(e.salt, 'hex') || {personal}, 'UTF8')) WHERE position IS NOT NULL",
        "UPDATE audit_entries e SET leaf_hash ="
        + given.split("leaf_hash =")[1].replace("b.place", "e.position").replace("b.new_commitment", "e.commitment")
        + "WHERE position IS NOT NULL",
    )
    rows = await world.db.hot.fetch("SELECT leaf_hash FROM audit_entries WHERE position IS NOT NULL ORDER BY position")
    return [row["leaf_hash"] for row in rows]


async def rebuild(world: World, size: int, signer: Signer = SIGNER) -> None:
    """Make the log consistent again with everything the database's owner can reach, and the key for good measure."""
    leaves = (await rehash(world))[:size]
    project: UUID = world.service.project_id
    frontier = Frontier()
    nodes = frontier.extend(leaves)
    await as_superuser(
        world.db, "DELETE FROM audit_nodes", "DELETE FROM audit_checkpoints", f"UPDATE audit_logs SET size = {size}"
    )
    for subtree, digest in nodes:
        await world.db.hot.execute(
            "INSERT INTO audit_nodes VALUES ($1, $2, $3, $4)", project, subtree.height, subtree.place, digest
        )
    at = await world.db.hot.fetchval("SELECT now()")
    note = signer.sign(f"countersign/{world.project}/{project}", size, frontier.root(), at)
    await world.db.hot.execute(
        "INSERT INTO audit_checkpoints VALUES ($1, $2, $3, $4, $5)", project, size, frontier.root(), note, at
    )
    assert tree.STEP == 6
