"""Events over HTTP: as pages behind a cursor, and as a stream that stays open."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.params import FromQuery, QueryParameter

from review.delivery.feed import queries, reading
from review.delivery.feed.errors import TooManyStreams
from review.delivery.feed.schemas import EventPage
from review.delivery.feed.tail import Follower
from review.identity import keys
from review.identity.errors import NotAuthenticated
from review.identity.rules import Permission, Principal
from review.web.api.openapi import gives
from review.web.event_stream import EVENT_STREAM, HEADERS, EventStream
from review.web.guards import requires
from review.web.services import AnyRequest, Services, Svc, Who

log = logging.getLogger(__name__)

DEFAULT_LIMIT = 100
HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 60.0  # how long a stream may outlive what `watch` does not see of its key
RETRY_MILLISECONDS = 2_000
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=reading.MAX_PAGE)]


class Wanted(NamedTuple):
    """What a stream was asked for, by whom, and the key it was opened with, which is checked again and again."""

    project_id: UUID
    after: int | None
    kinds: frozenset[str] | None
    secret: str
    who: Principal


@get("/events", opt=requires(Permission.READ_EVENTS) | gives({"application/json": EventPage, EVENT_STREAM: None}))
async def read_events(
    request: AnyRequest,
    services: Svc,
    who: Who,
    type: FromQuery[list[str] | None] = None,  # noqa: A002  the contract's name
    after: FromQuery[str | None] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[Any]:
    """Read events in commit order behind `after`, which is the `id` of an event, or `0` for the beginning.

    With `Accept: text/event-stream` the answer stays open and tells events as they come, from now on or exactly
    behind `after` or `Last-Event-ID`. Otherwise it is a page; continue with `after` set to its `next`.
    """
    kinds = reading.kinds_of(type or ())
    if EVENT_STREAM not in request.headers.get("accept", ""):
        page = await reading.page(services.db.hot, who, after=after, kinds=kinds, limit=limit)
        return Response(msgspec.json.encode(page), media_type=MediaType.JSON)
    services.tail.check_room()
    if not services.limits.streaming.has_room(who.id):
        message = "This key has as many event streams open as it may. End one, or read the events as pages."
        raise TooManyStreams(message)
    cursor = request.headers.get("last-event-id") or after
    position = await reading.find_position(services.db.hot, who.project_id, cursor)
    secret = request.headers["authorization"].partition(" ")[2].strip()
    wanted = Wanted(who.project_id, position, kinds, secret, who)
    return EventStream(_pieces(services, wanted), media_type=EVENT_STREAM, headers=HEADERS)


async def _pieces(services: Services, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Give what is sent: how soon to come back, what was missed, then events as they come, and why it ends."""
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    try:
        start, seen = wanted.after, b""
        if start is None:  # from now on; the id of the last event lets them come back before there is another
            last = await queries.find_last(services.db.hot, wanted.project_id)
            start, seen = (0, b"") if last is None else (last[0], _mark(last[1]))
        with (
            services.limits.streaming.hold(wanted.who.id),
            services.tail.follow(
                wanted.project_id, after=start, kinds=wanted.kinds, hides=wanted.who.hides
            ) as follower,
        ):
            yield seen + b": connected\n\n"
            async with aclosing(_told(services, follower, wanted)) as told:
                async for piece in told:
                    yield piece
            yield _mark(follower.seen) + f": {follower.ended}; connect again to go on\n\n".encode()
    except AWAY as fault:
        log.warning("an event stream ended, for the database is away: %s", fault)
        yield b": the database is away; connect again to go on\n\n"


async def _told(services: Services, follower: Follower, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Give events until the stream is ended, with a sign of life where there are none for a while."""
    clock = asyncio.get_running_loop().time
    checked = clock()
    with services.watch.keep(wanted.secret, wanted.who, follower.wake) as watched:
        async with aclosing(services.tail.catch_up(follower)) as missed:
            async for piece in missed:
                yield piece
        while True:
            if watched.has_changed or clock() - checked >= RECHECK_SECONDS:
                watched.has_changed, checked = False, clock()
                await _check(services, follower, wanted.secret)
            piece = await follower.next(min(HEARTBEAT_SECONDS, RECHECK_SECONDS))
            if piece:
                yield piece
            elif follower.ended is not None:
                return
            else:
                yield _mark(follower.seen) + b": still here\n\n"


async def _check(services: Services, follower: Follower, secret: str) -> None:
    """End a stream whose key is not good for it any more; where that cannot be asked, it is asked again later."""
    with suppress(*AWAY):
        try:
            who = await keys.authenticate_key(services.db.hot, secret)
        except NotAuthenticated:
            follower.end("the key is not good any more")
        else:
            if not who.may(Permission.READ_EVENTS) or who.project_id != follower.project_id:
                follower.end("the key does not carry events:read any more")
            follower.hides = await services.hides_of(who)


def _mark(event_id: UUID | None) -> bytes:
    """Have the reader come back behind this event, without telling it one."""
    return b"" if event_id is None else b"id: %b\n" % str(event_id).encode()
