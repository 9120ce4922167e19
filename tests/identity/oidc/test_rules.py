"""Whom an entry lets in and what groups give, and readers that no input breaks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.identity.oidc.discovery import read_keys, read_metadata
from review.identity.oidc.errors import AccountNotAllowed, ProviderUnavailable
from review.identity.oidc.rules import (
    Allowed,
    Grant,
    Person,
    Provider,
    check_admission,
    grants_of,
    groups_in,
    is_endpoint,
    person_of,
)
from review.identity.oidc.tokens import NotBelieved, read_header, verify
from review.identity.rules import Role

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["a", "b", "c"])


def provider(**more: Any) -> Provider:
    return Provider(name="acme", title="Acme", issuer="https://id.example.com", client_id="c", **more)


@given(JSON, st.lists(st.text(max_size=6), max_size=3))
def test_groups_are_texts_whatever_the_claims_are(value: Any, path: list[str]) -> None:
    claims = value if isinstance(value, dict) else {"x": value}
    assert all(isinstance(each, str) for each in groups_in(claims, tuple(path)))


@given(st.dictionaries(st.sampled_from(["email", "email_verified", "name", "preferred_username", "g"]), JSON))
def test_a_person_is_read_from_any_claims(claims: dict[str, Any]) -> None:
    person = person_of(provider(groups_claim=("g",)), {"sub": "1", **claims})
    assert person.subject == "1"
    assert person.email == "" or person.email.count("@") == 1
    assert person.email_verified == (claims.get("email_verified") is True or claims.get("email_verified") == "true")


@given(
    st.lists(st.tuples(NAMES, st.sampled_from(list(Role)), st.sets(NAMES)), unique_by=lambda each: each[0]),
    st.sets(NAMES),
)
def test_the_first_group_that_fits_gives_the_role_and_all_of_them_pools(
    entries: list[tuple[str, Role, set[str]]], held: set[str]
) -> None:
    groups = tuple((name, {"p": Grant(role, tuple(sorted(pools)))}) for name, role, pools in entries)
    given_ = grants_of(provider(groups=groups), held)
    fitting = [each for each in entries if each[0] in held]
    if not fitting:
        assert given_ == {}
    else:
        assert given_["p"].role is fitting[0][1]
        assert set(given_["p"].pools) == set().union(*(each[2] for each in fitting))
        assert len(given_["p"].pools) == len(set(given_["p"].pools))


def test_everyone_counts_last() -> None:
    entry = provider(
        groups=(("a", {"p": Grant(Role.LEAD)}),), everyone={"p": Grant(Role.ANALYST), "q": Grant(Role.ANALYST)}
    )
    assert grants_of(entry, ["a"]) == {"p": Grant(Role.LEAD), "q": Grant(Role.ANALYST)}
    assert grants_of(entry, []) == {"p": Grant(Role.ANALYST), "q": Grant(Role.ANALYST)}


@given(st.booleans(), st.sampled_from(["", "a@b.example", "a@c.example"]), st.sets(NAMES))
def test_nobody_is_admitted_without_a_verified_address_and_a_match(
    verified: bool, email: str, groups: set[str]
) -> None:
    entry = provider(allowed=Allowed(domains=("b.example",), groups=("a",)))
    person = Person(subject="1", email=email, email_verified=verified, groups=frozenset(groups))
    if verified and email and (email.endswith("@b.example") or "a" in groups):
        check_admission(entry, person)
    else:
        with pytest.raises(AccountNotAllowed):
            check_admission(entry, person)


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://id.example.com/a?b=c", True),
        ("http://127.0.0.1:8080/", True),
        ("http://id.example.com/", False),
        ("https://", False),
        ("https://id.example.com/#x", False),
        ("https://a@id.example.com/", False),
        ("https://id.example.com/ x", False),
        ("https://id.example.com/\n", False),
        ("https://id.example.com:0/", False),
        ("https://id.example.com:99999/", False),
        ("https://[::1/", False),
        ("https://ïd.example.com/", False),
        ("javascript:alert(1)", False),
        ("//id.example.com", False),
        ("https://id.example.com/" + "x" * 2_000, False),
        (None, False),
    ],
)
def test_addresses_that_are_called_are_https_or_this_machine(url: object, is_one: bool) -> None:
    assert is_endpoint(url, plain_http=False) == is_one


@given(st.binary(max_size=200))
def test_no_document_breaks_what_reads_it(document: bytes) -> None:
    for read in (read_metadata, read_keys):
        with pytest.raises(ProviderUnavailable):
            read(provider(), document)


@given(JSON | st.binary(max_size=60) | st.from_regex(r"[\w-]{0,30}\.[\w-]{0,30}\.[\w-]{0,30}", fullmatch=True))
def test_no_token_breaks_what_reads_it(token: Any) -> None:
    with pytest.raises(NotBelieved):
        verify(token, *read_header(token, ("RS256",)), [])
