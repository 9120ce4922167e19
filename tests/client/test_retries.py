"""What is sent again, when, and what never is: without a network and without waiting."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from countersign_client import (
    AsyncClient,
    Client,
    Conflict,
    Invalid,
    NotReached,
    Patience,
    RateLimited,
    Refused,
    Submission,
    Unavailable,
    Unreadable,
)
from countersign_client.calls.items import batches
from countersign_client.protocol import Answer, retry_after

ITEM: dict[str, Any] = {
    "id": "0199a1f0-0000-7000-8000-000000000000",
    "status": "queued",
    "type": "t",
    "type_version": 1,
    "external_id": None,
    "created_at": "2026-11-21T12:00:00Z",
    "url": "http://somewhere/items/1",
    "route": {"action": "review", "rule": "doubtful", "a_later_field": 1},
    "sla": None,
    "escalation_level": 0,
    "decision": None,
}
DETAIL = ITEM | {"input": 1, "output": 2, "details": {}, "pool": "triage", "priority": 50}
SEAT = {
    "id": ITEM["id"],
    "case_id": ITEM["id"],
    "kind": "review",
    "pool": "triage",
    "fence": 1,
    "lease_expires_at": "2026-11-21T12:00:00Z",
    "item": DETAIL,
}

Said = httpx.Response | Exception


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"type": f"/api/errors#{code}", "title": code, "status": status, "code": code, "detail": "Said so."}
    return httpx.Response(status, json=body, headers=headers)


def good(body: object = ITEM) -> httpx.Response:
    return httpx.Response(200, json=body)


class Script:
    """A service that says what is written, and a clock that only pauses move."""

    def __init__(self, said: Iterable[Said]) -> None:
        self._said = iter(said)
        self.asked: list[httpx.Request] = []
        self.paused: list[float] = []
        self.now = 1000.0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        said = next(self._said)
        if isinstance(said, Exception):
            raise said
        return said

    def sleep(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now += seconds

    def client(self, **patience: Any) -> Client:
        waits = Patience(chance=lambda: 1.0, clock=lambda: self.now, **patience)
        return Client(
            "http://somewhere/", "key", patience=waits, transport=httpx.MockTransport(self.answer), sleep=self.sleep
        )


def submit(client: Client) -> Any:
    return client.submit(type="t", input=1, output=2)


def test_a_submission_is_sent_again_under_one_key_until_it_is_taken() -> None:
    script = Script([httpx.ConnectError("refused"), httpx.ReadTimeout("late"), problem(503, "unavailable"), good()])
    item = submit(script.client())
    assert item.route.rule == "doubtful"
    keys = {each.headers["Idempotency-Key"] for each in script.asked}
    assert (len(script.asked), len(keys)) == (4, 1)
    assert len({each.content for each in script.asked}) == 1
    assert script.paused == [0.5, 1.0, 2.0]
    assert script.asked[0].headers["Authorization"] == "Bearer key"
    assert str(script.asked[0].url) == "http://somewhere/api/v1/items"


def test_calls_do_not_share_a_key_and_an_external_id_needs_none() -> None:
    script = Script([good(), good(), good(), good()])
    client = script.client()
    submit(client)
    submit(client)
    client.submit(type="t", input=1, output=2, external_id="m-1")
    client.submit(type="t", input=1, output=2, external_id="m-1", idempotency_key="k")
    keys = [each.headers.get("Idempotency-Key") for each in script.asked]
    assert keys[2:] == [None, "k"]
    assert len(set(keys)) == 4


def test_retry_after_is_kept_to_and_one_beyond_patience_is_raised() -> None:
    script = Script([problem(429, "rate_limited", **{"Retry-After": "7"}), good()])
    submit(script.client())
    assert script.paused == [7.0]

    script = Script([problem(429, "rate_limited", **{"Retry-After": "3600"})])
    with pytest.raises(RateLimited) as limited:
        submit(script.client())
    assert (limited.value.retry_after, script.paused) == (3600.0, [])


def test_retry_after_may_be_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (retry_after(Answer(503, {"retry-after": soon}, b"")) or 0) <= 60
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)
    assert retry_after(Answer(503, {"retry-after": past}, b"")) == 0
    for nonsense in ("", "soon", "-1", "٣"):
        assert retry_after(Answer(503, {"retry-after": nonsense}, b"")) is None


def test_patience_ends() -> None:
    script = Script([problem(503, "unavailable")] * 3)
    with pytest.raises(Unavailable):
        submit(script.client(attempts=3))
    assert len(script.asked) == 3


@pytest.mark.parametrize("refusal", [problem(422, "invalid"), problem(409, "clash"), problem(501, "no")])
def test_what_is_refused_is_not_sent_again(refusal: httpx.Response) -> None:
    script = Script([refusal])
    with pytest.raises(Refused) as refused:
        submit(script.client())
    assert isinstance(refused.value, {422: Invalid, 409: Conflict, 501: Unavailable}[refusal.status_code])


def test_a_review_is_sent_again_only_where_it_cannot_have_counted() -> None:
    def judge(*said: Said) -> Script:
        script = Script([good({"data": [SEAT]}), *said])
        client = script.client()
        (seat,) = client.claim("triage")
        client.review(seat, "approve")
        return script

    review = {
        "review": {
            "id": ITEM["id"],
            "assignment_id": ITEM["id"],
            "verdict": "approve",
            "output": None,
            "reasons": [],
            "comment": "",
            "held_seconds": 1.0,
            "submitted_at": "2026-11-21T12:00:00Z",
        },
        "item": ITEM,
    }
    script = judge(httpx.ConnectError("refused"), problem(429, "rate_limited"), good(review))
    assert len(script.asked) == 4
    with pytest.raises(NotReached) as lost:
        judge(httpx.ReadError("reset"))
    assert lost.value.may_have_arrived
    with pytest.raises(Unavailable):
        judge(problem(503, "unavailable"))


def test_an_answer_of_somebody_else_is_told_apart() -> None:
    page = httpx.Response(502, text="<h1>Bad gateway</h1>")
    with pytest.raises(Unavailable, match="Bad gateway") as refused:
        submit(Script([page] * 2).client(attempts=2))
    assert refused.value.code == "not_countersign"
    with pytest.raises(Unreadable):
        submit(Script([httpx.Response(200, text="<h1>Sign in to the network</h1>")]).client())
    with pytest.raises(Refused, match="302"):
        submit(Script([httpx.Response(302, headers={"Location": "http://elsewhere"})]).client())


def test_a_wait_outlasts_a_restart_and_ends_at_its_deadline() -> None:
    down = [httpx.ConnectError("refused")] * 20
    script = Script([*down, good(DETAIL | {"status": "withdrawn"})])
    assert script.client(longest_pause=4).wait(ITEM["id"], timeout=600).status == "withdrawn"
    script = Script([httpx.ConnectError("refused")] * 1000)
    with pytest.raises(NotReached):
        script.client(longest_pause=4).wait(ITEM["id"], timeout=100)
    assert script.now < 1100


def test_a_wait_holds_no_longer_than_is_left_after_failures() -> None:
    down = [httpx.ConnectError("refused")] * 6
    script = Script([*down, good(DETAIL | {"status": "withdrawn"})])
    script.client().wait(ITEM["id"], timeout=50)
    left = 50 - (0.5 + 1 + 2 + 4 + 8 + 16)
    assert script.asked[-1].url.params["wait"] == f"{left:.3f}"
    assert script.asked[-1].extensions["timeout"]["read"] == 30 + left


def test_a_wait_that_the_service_does_not_hold_goes_slowly() -> None:
    script = Script([good(DETAIL)] * 5 + [good(DETAIL | {"status": "withdrawn"})])
    script.client().wait(ITEM["id"])
    assert script.paused == [2.0] * 5
    assert {each.url.params["wait"] for each in script.asked} == {"60.000"}


def test_the_time_for_an_answer_includes_what_the_service_holds_it_for() -> None:
    script = Script([good(), good(DETAIL | {"status": "withdrawn"})])
    client = script.client(timeout=5)
    client.submit(type="t", input=1, output=2, wait=100)
    client.wait(ITEM["id"], timeout=20)
    assert [each.extensions["timeout"]["read"] for each in script.asked] == [65.0, 25.0]
    assert script.asked[0].url.params["wait"] == "60.0"


def feed(pages: list[tuple[int, str | None]]) -> Iterator[Said]:
    record = {
        "id": ITEM["id"],
        "item_id": ITEM["id"],
        "external_id": None,
        "type": "t",
        "type_version": 1,
        "input": 1,
        "model_output": 2,
        "label": 2,
        "verdict": "approve",
        "source": "review",
        "reasons": [],
        "comment": "",
        "model": None,
        "confidence": None,
        "impact": None,
        "tags": [],
        "route": {"rule": None, "ruleset_version": 1, "inclusion_probability": 1.0},
        "reviews": 1,
        "agreement": 1.0,
        "decided_at": "2026-11-21T12:00:00Z",
    }
    return (good({"data": [record] * count, "next": cursor}) for count, cursor in pages)


def test_the_feed_is_followed_past_empty_pages_and_for_ever_where_asked() -> None:
    script = Script(feed([(1, "a"), (0, "b"), (1, "c"), (0, "c")]))
    assert len(list(script.client().feedback(type="t"))) == 2
    assert [each.url.params.get("after") for each in script.asked] == [None, "a", "b", "c"]
    script = Script(feed([(0, None), (0, None), (2, "a"), (0, "a"), (1, "b")]))
    following = script.client().feedback(every=30)
    assert len([next(following) for _ in range(3)]) == 3
    assert script.paused == [30.0] * 3


def test_items_are_parted_into_batches_that_the_service_takes() -> None:
    small: Submission = {"type": "t", "input": "i", "output": "o"}
    large: Submission = {"type": "t", "input": "i" * 900, "output": "o"}
    parts = list(batches([small, large, small, small, small], most=3, most_bytes=800))
    assert [[json.loads(each) for each in part] for part in parts] == [[small], [large], [small, small, small]]
    assert [len(part) for part in batches([small] * 2500)] == [1000, 1000, 500]
    assert list(batches([])) == []


def test_results_of_many_batches_are_numbered_through() -> None:
    def results(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)["items"]
        return good({"results": [{"index": at, "status": 201, "item": ITEM} for at in range(len(sent))]})

    client = Client("http://somewhere", "key", transport=httpx.MockTransport(results))
    small: Submission = {"type": "t", "input": "i", "output": "o"}
    assert [each.index for each in client.submit_many([small] * 2001)] == list(range(2001))
    assert client.submit_many([]) == []


@pytest.mark.parametrize("address", ["", "review.example.com", "ftp://review.example.com", "/api/v1"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    makers: list[Callable[[str, str], object]] = [Client, AsyncClient]
    for make in makers:
        with pytest.raises(ValueError, match="not the address"):
            make(address, "key")
        with pytest.raises(ValueError, match="key is empty"):
            make("http://somewhere", " ")
