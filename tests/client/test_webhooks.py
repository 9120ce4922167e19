"""Webhooks, signed as the service signs them, verified by the client."""

import json
from typing import Any

import pytest

from countersign_client import Event, WebhookRefused, verify_webhook
from review.delivery.webhooks.signing import Kind, NewSecret, headers, new_secret, signer

NOW = 1_800_000_000
BODY = json.dumps(
    {
        "id": "0199a1f0-0000-7000-8000-000000000000",
        "type": "item.decided",
        "project": "support",
        "position": 42,
        "timestamp": "2026-11-21T11:03:12Z",
        "data": {"verdict": "approve", "note": "ünïcode"},
    },
    ensure_ascii=False,
)


def received(*secrets: NewSecret, body: str = BODY, at: int = NOW) -> dict[str, str]:
    return headers("0199a1f0", at, body, [signer(each.secret) for each in secrets])


def verified(secret: Any, given: dict[str, str], body: str = BODY, now: float = NOW) -> Event:
    return verify_webhook(body.encode(), given, secret, now=now)


@pytest.mark.parametrize("kind", Kind)
def test_what_the_service_signed_is_taken_and_nothing_else(kind: Kind) -> None:
    made, other = new_secret(kind), new_secret(kind)
    mine, theirs = (each.public_key or each.secret for each in (made, other))
    event = verified(mine, received(made))
    assert (event.type, event.position, event.data["note"], event.item) == ("item.decided", 42, "ünïcode", None)
    assert verified([theirs, mine], received(made)) == event
    assert verified(mine, {name.title(): value for name, value in received(other, made).items()}) == event
    good = received(made)
    wrong: list[tuple[Any, dict[str, str], str]] = [
        (theirs, good, BODY),
        ([], good, BODY),
        (mine, good, BODY.replace("42", "43")),
        (mine, good | {"webhook-id": "another"}, BODY),
        (mine, good | {"webhook-timestamp": str(NOW + 1)}, BODY),
        (mine, good | {"webhook-signature": "v1,?? v1a,AAAA v2 ,"}, BODY),
        (mine, {}, BODY),
    ]
    for secret, given, body in wrong:
        with pytest.raises(WebhookRefused):
            verified(secret, given, body)


def test_a_signature_of_one_kind_is_none_of_the_other() -> None:
    shared, pair = new_secret(Kind.HMAC), new_secret(Kind.ED25519)
    with pytest.raises(WebhookRefused):
        verified(pair.public_key, received(shared))
    with pytest.raises(WebhookRefused):
        verified(shared.secret, received(pair))


@pytest.mark.parametrize("off", [-301, 301])
def test_what_was_sent_long_ago_or_ahead_is_refused(off: int) -> None:
    made = new_secret(Kind.HMAC)
    with pytest.raises(WebhookRefused, match="too far"):
        verified(made.secret, received(made, at=NOW + off))
    assert verified(made.secret, received(made, at=NOW + off // 301 * 299)).position == 42


@pytest.mark.parametrize("said", ["", "soon", "-1", "1e9", "٣", "9" * 400])
def test_a_time_that_is_none_is_refused(said: str) -> None:
    made = new_secret(Kind.HMAC)
    with pytest.raises(WebhookRefused):
        verified(made.secret, received(made) | {"webhook-timestamp": said})


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???", "whpk_AAAA", "whpk_", "whsk_AAAA"])
def test_what_is_no_secret_is_told_apart_from_a_wrong_one(secret: str) -> None:
    both = received(new_secret(Kind.HMAC), new_secret(Kind.ED25519))
    with pytest.raises(ValueError, match=r"whpk_|32"):
        verified(secret, both)


def test_a_signed_body_that_is_no_event_is_refused() -> None:
    made = new_secret(Kind.HMAC)
    with pytest.raises(WebhookRefused, match="no event"):
        verified(made.secret, received(made, body="[]"), body="[]")
