"""The small values of the kernel: digests, ids, cursors, settings."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel.canonical import fingerprint, sha256_of
from review.kernel.errors import Invalid
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of, position_of
from review.kernel.settings import SettingInvalid, Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("aé ", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
)


def test_a_digest_is_that_of_the_canonical_form() -> None:
    # RFC 8785: keys sorted, numbers as ECMAScript writes them; digests computed with sha256sum.
    assert sha256_of({"b": 1.0, "a": [True, None]}) == sha256_of({"a": [True, None], "b": 1})
    assert sha256_of("a") == "ac8d8342bbb2362d13f0a559a3621bb407011368895164b628a54f7fc33fc43c"


@given(JSON, JSON)
def test_fingerprints_tell_values_apart(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (repr_of(one) == repr_of(other))


def repr_of(value: Any) -> Any:
    """Give a form in which True and 1 differ, and the order of keys does not count."""
    if isinstance(value, dict):
        return {key: repr_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [repr_of(inner) for inner in value]
    return (type(value).__name__, value)


def test_ids_sort_in_the_order_they_were_made() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert {each.version for each in ids} == {7}


@given(st.uuids())
def test_a_cursor_leads_back_to_its_row(position: UUID) -> None:
    assert position_of(cursor_of(position)) == position


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "é", "A" * 500])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        position_of(cursor)


def test_settings_come_from_the_environment() -> None:
    given_values = {
        "REVIEW_DATABASE_URL": "postgresql://x",
        "REVIEW_PORT": "9000",
        "REVIEW_SECURE_COOKIES": "yes",
        "REVIEW_SWEEP_INTERVAL": "0.5",
        "REVIEW_DATA_DIR": "/data",
        "REVIEW_BASE_URL": "https://review.example.com/",
        "OTHER": "ignored",
    }
    settings = Settings.from_env(given_values)
    assert (settings.port, settings.secure_cookies) == (9000, True)
    assert settings.sweep_interval == timedelta(seconds=0.5)
    assert settings.data_dir == Path("/data")
    assert settings.public_url == "https://review.example.com"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("REVIEW_PORT", "many", "cannot be used"),
        ("REVIEW_SWEEP_INTERVAL", "soon", "write a number of seconds above 0"),
        ("REVIEW_SWEEP_INTERVAL", "inf", "cannot be used"),
        ("REVIEW_WEBHOOK_TIMEOUT", "0", "write a number of seconds above 0"),
        ("REVIEW_RELAY_INTERVAL", "-1", "write a number of seconds above 0"),
        ("REVIEW_SECURE_COOKIES", "perhaps", "write true or false"),
        ("REVIEW_SMTP_URL", "mail.example.com", "begins with smtp:// or smtps://"),
        (
            "REVIEW_WEBHOOK_ALLOW_NETWORKS",
            "10.0.0.0/8,intranet",
            "intranet is no network; write one such as 10.0.0.0/8",
        ),
        ("REVIEW_WEBHOOK_ALLOW_NETWORKS", "10.1.2.3/8", "10.1.2.3/8 is no network; write one such as 10.0.0.0/8"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        Settings.from_env({name: value})
    assert refused.value.message.startswith(name)
    assert told in refused.value.message


def test_networks_may_be_addresses_and_be_written_out() -> None:
    given = "127.0.0.1, FD00:0::/8"
    assert Settings.from_env({"REVIEW_WEBHOOK_ALLOW_NETWORKS": given}).webhook_allow_networks == (
        "127.0.0.1",
        "FD00:0::/8",
    )


@pytest.mark.parametrize("value", ["planted", "cGxhbnRlZA==", "é", "planted,", f"{'A' * 43}=,planted"])
def test_a_sealing_key_that_cannot_be_used_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(
        SettingInvalid, match=r"^REVIEW_SECRET_KEY cannot be used: each of its keys must be 32 bytes"
    ) as told:
        Settings.from_env({"REVIEW_SECRET_KEY": value})
    assert "planted" not in told.value.message
    assert Settings.from_env({"REVIEW_SECRET_KEY": f"{'A' * 43}=, {'B' * 43}="}).secret_key
