"""The file of identity providers: what it can say, and each fault with its place, and never a secret."""

from pathlib import Path

import pytest

from review.configuration.errors import ConfigurationInvalid
from review.configuration.providers import load_providers, read_providers
from review.identity.oidc.rules import Allowed, Grant
from review.identity.rules import Role
from review.kernel.settings import SettingInvalid
from tests.house.source import REPOSITORY

LEAST = "{name: acme, issuer: 'https://id.example.com', client_id: countersign}"


def faults(source: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as refused:
        read_providers(source.encode(), environ or {})
    return [f"{each.line}: {each.path}: {each.message}" for each in refused.value.faults]


def test_the_example_of_the_documentation_is_read() -> None:
    text = (REPOSITORY / "docs" / "sign-in.md").read_text()
    source = text.split("```yaml\n")[1].split("```")[0]
    providers = read_providers(source.encode(), {"REVIEW_OIDC_ACME_SECRET": "s3cret"})
    acme = providers["acme"]
    assert (acme.issuer, acme.client_id, acme.client_secret) == ("https://id.example.com", "countersign", "s3cret")
    assert acme.allowed == Allowed(("example.com",), ("contractors",), ("ada@partner.example",))
    assert acme.groups_claim == ("realm_access", "roles")
    assert [name for name, _ in acme.groups] == ["leads", "reviewers"]
    assert dict(acme.groups)["reviewers"] == {"support": Grant(Role.REVIEWER, ("triage",))}
    assert acme.everyone == {"support": Grant(Role.ANALYST)}
    assert "s3cret" not in repr(acme)


def test_the_least_that_an_entry_must_say() -> None:
    acme = read_providers(f"providers: [{LEAST}]".encode(), {})["acme"]
    assert (acme.title, acme.client_secret, acme.scopes) == ("acme", None, ("openid", "email", "profile"))
    assert acme.allowed == Allowed(), "nobody's account is made unless the entry says whose"


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    for written, secret in ((f"file:{file}", "from a file"), ("env:REVIEW_OIDC_X", "from there"), ("here", "here")):
        source = f"providers: [{{name: a, issuer: 'https://id.example.com', client_id: c, client_secret: '{written}'}}]"
        assert read_providers(source.encode(), {"REVIEW_OIDC_X": "from there"})["a"].client_secret == secret


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("issuer: 'http://id.example.com'", "providers[0].issuer: must be an https address"),
        ("issuer: 'https://id.example.com/?x=1'", "providers[0].issuer: must be an https address"),
        ("issuer: 'https://user:pass@id.example.com'", "providers[0].issuer: must be an https address"),
        ("issuer: 7", "providers[0].issuer: must be an https address"),
        ("name: A b", "providers[0].name: must be a name"),
        ("client_id: 7", "providers[0].client_id: must be 1 to"),
        ("client_secret: 'env:HOME'", "must name a variable that begins with REVIEW_OIDC_"),
        ("client_secret: 'env:REVIEW_OIDC_NONE'", "the variable REVIEW_OIDC_NONE is missing"),
        ("client_secret: 'file:/nowhere/at/all'", "the file /nowhere/at/all is missing"),
        ("client_secret: 'file:relative'", "the file relative is missing"),
        ("client_secret: {sécret: 1}", "providers[0].client_secret: it must be a secret"),
        ("scopes: [email]", "must hold `openid`"),
        ("scopes: ['openid', 'a b']", "providers[0].scopes[1]: is no scope"),
        ("allow: {domains: [localhost]}", "providers[0].allow.domains[0]: `localhost` is no domain"),
        ("allow: {emails: [nobody]}", "`nobody` is no e-mail address"),
        ("allow: {everybody: true}", "providers[0].allow.everybody: is unknown"),
        ("allow: {groups: [staff]}", "`groups_claim` is missing"),
        ("groups: {staff: {support: {role: reviewer}}}", "`groups_claim` is missing"),
        (
            "everyone: {support: {role: service}}",
            "providers[0].everyone.support.role: `service` is no role of a person",
        ),
        ("everyone: {support: {pools: [triage]}}", "providers[0].everyone.support: `role` is missing"),
        ("everyone: {support: reviewer}", "must be a mapping: {role: reviewer"),
        ("everyone: {support: {role: lead, pools: [A b]}}", "everyone.support.pools[0]: must be a name"),
        ("emails_are_verified: 'yes'", "must be true or false"),
        ("tittle: Acme", "providers[0].tittle: is unknown; did you mean `title`?"),
    ],
)
def test_each_fault_is_told_with_its_place(entry: str, fault: str) -> None:
    key = entry.partition(":")[0]
    least = {"name": "acme", "issuer": "'https://id.example.com'", "client_id": "countersign"}
    lines = [f"{name}: {value}" for name, value in least.items() if name != key]
    source = "providers:\n  - " + "\n    ".join([*lines, entry]) + "\n"
    told = faults(source)
    assert any(fault in each for each in told), told
    assert all(each.startswith(("2: ", "5: ", "4: ")) for each in told), "with the line"
    assert "sécret" not in " ".join(told)


def test_names_and_issuers_stand_once() -> None:
    told = faults(f"providers: [{LEAST}, {LEAST}]")
    assert [each.partition(": ")[2] for each in told] == [
        "providers[1].name: `acme` is the name of an earlier provider",
        "providers[1].issuer: is the issuer of an earlier provider",
    ]


@pytest.mark.parametrize(
    ("source", "fault"),
    [("[]", "must be a mapping with `providers`"), ("{}", "`providers` is missing"), ("providers: []", "1 to 20")],
)
def test_what_is_no_such_file_is_refused(source: str, fault: str) -> None:
    assert any(fault in each for each in faults(source))


def test_plain_http_is_for_this_machine_or_by_leave() -> None:
    for issuer, more in (
        ("http://127.0.0.1:9000", ""),
        ("http://localhost:9000", ""),
        ("http://[::1]:9000", ""),
        ("http://id.internal", ", allow_http: true"),
    ):
        source = f"providers: [{{name: a, issuer: '{issuer}', client_id: c{more}}}]"
        assert read_providers(source.encode(), {})["a"].issuer == issuer


def test_a_file_that_cannot_be_used_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    assert load_providers(None, {}) == {}
    with pytest.raises(SettingInvalid, match=r"REVIEW_OIDC_FILE names .* cannot be read: No such file"):
        load_providers(tmp_path / "none", {})
    file = tmp_path / "providers.yaml"
    file.write_text("providers:\n  - {name: acme, issuer: x, client_id: c, client_secret: hush}\n")
    with pytest.raises(SettingInvalid, match="has 1 fault") as refused:
        load_providers(file, {})
    (fault,) = refused.value.errors
    assert (fault.path, fault.message[:6]) == ("providers[0].issuer", "line 2")
