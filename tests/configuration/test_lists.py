"""Issue 6, 2: a list of a million entries stands apart from the document, is looked up by hash, and is fail-safe."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit.rules import OPERATOR
from review.cli.list_files import read_lists
from review.configuration import candidates, lists
from review.configuration import service as configuration
from review.configuration.document import parse
from review.configuration.entries import Packed, Packing, unpack
from review.configuration.errors import ConfigurationInvalid, ListInvalid, ListNotStored
from review.configuration.plans import Plan
from review.configuration.rules import ProjectConfig, compile_config
from review.configuration.service import ConfigCache
from review.kernel.ids import new_id
from review.routing.rules import route
from tests.make import CONFIG, World

RULE = "rules:\n  - {{name: known, when: 'item.subject in lists.known', then: {{review: seniors}}}}\n"
entries = st.lists(
    st.text(st.characters(codec="utf-8"), max_size=20) | st.floats(allow_nan=False, allow_infinity=False)
)


def source(given: str) -> str:
    return f"lists: {{{{known: {given}}}}}\n" + CONFIG.replace("rules:\n", RULE)


def packed(*values: str) -> Packed:
    packing = Packing(is_json=False)
    packing.feed("\n".join(values).encode())
    return packing.end()


def read(text: bytes) -> Packed:
    packing = Packing(is_json=True)
    packing.feed(text)
    return packing.end()


async def applied(world: World, text: str, *given: Packed, dry_run: bool = False) -> Plan:
    async with world.db.transaction() as tx:
        written = text.format(project=world.project)
        return await configuration.apply(tx, written, actor=OPERATOR, with_lists=given, dry_run=dry_run)


async def loaded(world: World, plan: Plan) -> ProjectConfig:
    return await ConfigCache(world.db).get(world.service.project_id, plan.version)


def rule_for(config: ProjectConfig, subject: str) -> str | None:
    item: dict[str, Any] = {"type": "ticket_intent", "input": {}, "output": {}, "confidence": 0.9, "subject": subject}
    return route(config.ruleset, item, new_id(), "triage").rule


@given(values=entries, cut=st.integers(1, 40))
def test_what_is_packed_is_unpacked_however_it_comes_in(values: list[str | float], cut: int) -> None:
    text = b"\n".join(msgspec.json.encode(each) for each in values)
    packing = Packing(is_json=True)
    for start in range(0, len(text), cut):
        packing.feed(text[start : start + cut])
    if not values:
        with pytest.raises(ListInvalid):
            packing.end()
        return
    found = packing.end()
    assert unpack(found.pieces, found.sha256) == set(values)
    assert found.entries == len(set(values))
    assert unpack(found.pieces, "0" * 64) is None, "it goes by its digest alone"


def test_texts_and_json_that_say_the_same_have_the_same_digest() -> None:
    assert read(b'"IR"\r\n\n"KP"\n"IR"').sha256 == packed("IR", " KP ", "", "IR").sha256


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'"a"\ntrue', "line 2 is no JSON text or number"),
        (b'"a"\n["b"]\n', "line 2 is no JSON text or number"),
        (b'"' + b"a" * 1_001 + b'"', "line 1 is longer than 1,000 characters"),
        (b"\n\n", "has no entry"),
    ],
)
def test_a_line_that_is_no_entry_is_refused_with_its_number(text: bytes, fault: str) -> None:
    with pytest.raises(ListInvalid) as refused:
        read(text)
    assert [each.message for each in refused.value.errors] == [fault]


async def test_a_million_entries_are_stored_named_and_looked_up(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, 1_000_000, 5_000):
            yield "".join(f"account-{number}\n" for number in range(start, start + 5_000)).encode()

    million = await lists.pack(chunks(), is_json=False)
    assert million.entries == 1_000_000
    plan = await applied(world, source(f"{{{{sha256: {million.sha256}}}}}"), million)
    assert "+ list known (1,000,000 entries)" in [str(each) for each in plan.differences]
    config = await loaded(world, plan)
    assert [rule_for(config, f"account-{at}") for at in (0, 999_999, 1_000_000)] == ["known", "known", "rest"]
    begun = perf_counter()
    for _ in range(100):
        rule_for(config, "account-500000")
    assert perf_counter() - begun < 0.5
    again = await ConfigCache(world.db).get(world.service.project_id, plan.version)
    assert again.ruleset.called is not None
    assert config.ruleset.called is not None
    assert again.ruleset.called.lists["known"] is config.ruleset.called.lists["known"], "held once a process"


async def test_a_plan_says_how_many_entries_are_added_and_removed(world: World) -> None:
    first, second = packed("a", "b", "c"), packed("b", "c", "d", "e")
    plan = await applied(world, source(f"{{{{sha256: {first.sha256}}}}}"), first)
    assert "+ list known (3 entries)" in map(str, plan.differences)
    planned = await applied(world, source(f"{{{{sha256: {second.sha256}}}}}"), second, dry_run=True)
    assert "~ list known (2 added, 1 removed)" in map(str, planned.differences)
    assert await world.count("entry_lists") == 1, "a plan stores nothing"
    inline = await applied(world, source("[b, c]"), dry_run=True)
    assert "~ list known (1 removed)" in map(str, inline.differences)


async def test_a_list_that_is_not_stored_is_refused_with_its_line(world: World) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        await applied(world, source(f"{{{{sha256: {'a' * 64}}}}}"))
    assert [str(each) for each in refused.value.faults] == [
        "1:17: lists.known.sha256: is no list that is stored here; store it first, as its documentation says"
    ]


async def test_what_looks_in_a_list_that_is_not_loaded_goes_to_a_person(world: World) -> None:
    kept = packed("a")
    plan = await applied(world, source(f"{{{{sha256: {kept.sha256}}}}}"), kept)
    await world.db.hot.execute("UPDATE entry_list_pieces SET content = $1", packed("b").pieces[0])
    config = await loaded(world, plan)
    item = {"type": "ticket_intent", "input": {}, "output": {}, "confidence": 0.99, "subject": "a"}
    taken = route(config.ruleset, item, new_id(), "triage")
    assert (taken.action, taken.rule, taken.error) == (
        "review",
        None,
        "rule known: a list that it looks in is not loaded",
    )


async def test_lists_that_no_version_names_are_forgotten_after_a_week_and_others_never(world: World) -> None:
    named, other, young = packed("a"), packed("b"), packed("c")
    async with world.db.transaction() as tx:
        for each in (named, other, young):
            await lists.store(tx, project_id=world.service.project_id, packed=each, actor=OPERATOR)
        text = source(f"{{{{sha256: {named.sha256}}}}}").format(project=world.project)
        plan = await candidates.propose(tx, text, actor=OPERATOR, only_project=world.project, reason="")
    await world.db.hot.execute(
        "UPDATE entry_lists SET uploaded_at = now() - interval '8 days' WHERE sha256 <> $1", bytes.fromhex(young.sha256)
    )
    assert await lists.forget_unnamed(world.db.hot) == 1
    left = {row["sha256"].hex() for row in await world.db.hot.fetch("SELECT DISTINCT sha256 FROM entry_list_pieces")}
    assert left == {named.sha256, young.sha256}
    assert rule_for(await loaded(world, plan), "a") == "known"
    async with world.db.transaction() as tx:
        with pytest.raises(ListNotStored):
            await lists.keep_named(tx, world.service.project_id, {"lists": {"x": {"sha256": other.sha256}}})


def test_a_file_beside_the_document_is_read_and_named_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "known.txt").write_text("a\nb\n")
    (tmp_path / "more.ndjson").write_text('"a"\n5\n')
    text = "lists:\n  known: {file: known.txt}\n  more:\n    file: more.ndjson # numbers too\n  few: [x]\nproject: p\n"
    read = read_lists(text.encode(), tmp_path)
    one, two = read.lists
    assert parse(read.source).data["lists"] == {
        "known": {"sha256": one.sha256},
        "more": {"sha256": two.sha256},
        "few": ["x"],
    }
    assert b"# numbers too" in read.source
    with pytest.raises(ConfigurationInvalid) as refused:
        read_lists(text.replace("known.txt", "gone.txt").encode(), tmp_path)
    assert [str(each) for each in refused.value.faults] == [
        "2:11: lists.known.file: cannot be read: No such file or directory"
    ]


def test_a_file_named_anywhere_else_is_refused() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        compile_config(parse(source("{{file: known.txt}}").format(project="p")))
    assert "is read by `review plan` and `review apply` alone" in str(refused.value.faults[0])
