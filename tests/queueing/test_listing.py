"""Lists by filter: what each filter finds, that counts equal the list, and what is refused."""

import pytest

from review.identity.errors import NotPermitted
from review.kernel.errors import Invalid
from review.queueing import listing, views
from review.queueing.errors import ViewNotFound
from review.queueing.listing_rules import SORTS, STATUSES, Wanted, place_of, read
from tests.make import World


@pytest.fixture
async def stocked(world: World) -> World:
    for n in range(7):
        await world.submit(f"text {n}", confidence=0.1 * n, tags=["beta"] if n % 2 else [], external_id=f"x-{n}")
    await world.submit("vip", tags=["vip"])
    await world.submit("two", tags=["panel"])
    await world.claim("ana")
    return world


async def walked(world: World, name: str, wanted: Wanted) -> tuple[list[object], int]:
    """Read a list to its end, two lines at a time, and give its items and what it said there are."""
    found: list[object] = []
    after, count = None, None
    while True:
        page = await listing.look(
            world.db.hot, who=world.people[name], config=world.config, wanted=wanted, after=after, limit=2
        )
        count = page.count if count is None else count
        found += [line.item_id for line in page.lines]
        after = page.next
        if after is None:
            return found, count
        assert place_of(after.mark()) == after


async def test_counts_equal_what_the_list_shows_in_every_order(stocked: World) -> None:
    looked_at = 0
    for status in STATUSES:
        for sort in SORTS:
            try:
                wanted = read([("status", status), ("sort", sort)])
            except Invalid:
                assert status in {"decided", "withdrawn", "any"}
                continue
            found, count = await walked(stocked, "lea", wanted)
            assert len(found) == len(set(found)) == count, (status, sort)
            looked_at += 1
    assert looked_at > 20


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("tag", "beta", 3),
        ("confidence_from", "0.35", 5),
        ("confidence_to", "0.15", 2),
        ("rule", "vip", 1),
        ("external_id", "x-3", 1),
        ("text", "TEXT 1", 1),
        ("holder", "ana@example.com", 1),
        ("due", "none", 2),
        ("due", "clocked", 7),
        ("due", "overdue", 0),
        ("escalated", "yes", 0),
        ("type", "ticket_intent", 9),
        ("pool", "seniors", 1),
        ("status", "held", 1),
        ("status", "waiting", 8),
    ],
)
async def test_each_filter_finds_what_it_says(stocked: World, name: str, value: str, count: int) -> None:
    found, said = await walked(stocked, "lea", read([(name, value)]))
    assert (len(found), said) == (count, count)


async def test_reviewers_see_their_pools_and_not_who_has_what(stocked: World) -> None:
    found, _ = await walked(stocked, "ben", Wanted())
    assert len(found) == 8
    ben = stocked.people["ben"]
    page = await listing.look(stocked.db.hot, who=ben, config=stocked.config, wanted=Wanted(status="held"), limit=9)
    assert [each.email for each in page.lines[0].holders] == [""]
    for wanted in (Wanted(holder="ana@example.com"), Wanted(pool="seniors")):
        with pytest.raises(Invalid):
            await listing.look(stocked.db.hot, who=ben, config=stocked.config, wanted=wanted, limit=9)


@pytest.mark.parametrize(
    "pair", [("colour", "red"), ("status", "odd"), ("sort", "odd"), ("confidence_from", "nan"), ("source", "x")]
)
def test_what_no_list_has_is_refused_by_name(pair: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        read([pair])
    assert refused.value.errors[0].path == pair[0]


async def test_views_are_ones_own_or_shared_by_a_lead(stocked: World) -> None:
    ben, lea, ana = (stocked.people[name] for name in ("ben", "lea", "ana"))
    async with stocked.db.transaction() as tx:
        mine = await views.keep(tx, who=ben, name=" my  doubts ", wanted=Wanted(sort="doubt"), pool="triage")
        await views.keep(tx, who=lea, name="all", wanted=Wanted(), pool=None, is_shared=True)
    desk = await views.find_desk(stocked.db.hot, who=ben, config=stocked.config)
    assert desk.pools == ["triage"]
    assert [(each.name, each.query, each.is_mine) for each in desk.views] == [
        ("my doubts", "sort=doubt", True),
        ("all", "", False),
    ]
    with pytest.raises(NotPermitted):
        async with stocked.db.transaction() as tx:
            await views.keep(tx, who=ben, name="x", wanted=Wanted(), pool=None, is_shared=True)
    with pytest.raises(ViewNotFound):
        async with stocked.db.transaction() as tx:
            await views.remove(tx, who=ana, view_id=mine)
