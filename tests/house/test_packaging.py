"""What is locked, built and composed: checked without a network or a container engine."""

import importlib.metadata
import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from review.kernel.settings import Settings
from tests.house.source import REPOSITORY, SHIPPED, imported_packages, name_of, python_files, tree_of

LOCKS = ("requirements.lock", "requirements-dev.lock")


def compose() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(REPOSITORY / "docker-compose.yml")
    return document


def test_the_compose_file_fits_the_published_schema() -> None:
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    schema = Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text()))
    assert [fault.message for fault in validator.iter_errors(compose())] == []
    broken = {"services": {"web": {"no_such_key": 1}}}
    assert not validator.is_valid(broken), "the schema must be able to refuse something"


def test_the_compose_file_runs_every_process_from_one_image() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker"}
    ours = {services[name]["image"] for name in ("migrate", "web", "worker")}
    assert len(ours) == 1
    for name in ("postgres", "redis", "web"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_compose_file_hands_settings_to_every_process() -> None:
    """A sealing key or a mail server that only one of them has would do half of its work."""
    services = compose()["services"]
    given = services["web"]["environment"]
    assert services["worker"]["environment"] == given
    known = {f"REVIEW_{name.upper()}" for name in Settings.__struct_fields__}
    vendors = ("AWS_", "AZURE_", "GOOGLE_", "WANDB_")  # credentials, by the names that their own tools have
    assert {name for name in given if not name.startswith(("REVIEW_CHANNEL_", *vendors))} <= known
    wanted = {name for name in known if re.match(r"REVIEW_(SECRET_KEY|SMTP_|WEBHOOK_|SECURE_COOKIES|BASE_URL)", name)}
    assert wanted <= set(given)
    for name in known & set(given):
        assert Settings.from_env({name: ""}) == Settings(), "what .env leaves out is not set"


def test_the_compose_file_holds_no_password() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            places = ("${COUNTERSIGN_DB_PASSWORD:?", "${COUNTERSIGN_DB_PASSWORD}", "/run/secrets/", ":'password'")
            assert any(place in line for place in places) or line == "    environment: COUNTERSIGN_DB_PASSWORD", line


def test_the_image_runs_as_an_ordinary_user_and_checks_its_health() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    instructions = [line.split(maxsplit=1) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    users = [argument for name, argument in instructions if name == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}
    assert any(name == "HEALTHCHECK" for name, _ in instructions)
    assert "--require-hashes" in text


@pytest.mark.parametrize("name", LOCKS)
def test_locks_carry_hashes_and_no_address(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert "://" not in text
    entries = re.findall(r"^\S+==.*(?:\n    .*)*", text, flags=re.MULTILINE)
    assert len(entries) > 50
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_what_the_project_asks_for(name: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["demo"],
        *project["build-system"]["requires"],
        *(project["dependency-groups"]["dev"] if "dev" in name else ()),
    ]
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (REPOSITORY / name).read_text(), flags=re.MULTILINE))
    missing = {re.split(r"[^a-z0-9-]", need)[0] for need in wanted} - locked
    assert not missing, "run: make lock"


# A distribution of this repository, which `make` installs beside this one for the demo alone.
BESIDE = ("review/cli/demo/retraining.py", "countersign_client")


def test_every_package_that_is_imported_is_asked_for() -> None:
    """What another package happens to bring along may be gone with its next release."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = {
        re.split(r"[^a-z0-9-]", need)[0]
        for need in (*project["dependencies"], *project["optional-dependencies"]["demo"])
    }
    provides = importlib.metadata.packages_distributions()
    missing = {
        f"{name_of(path)}: {top}"
        for path in python_files(*SHIPPED)
        for top in imported_packages(tree_of(path))
        if top not in sys.stdlib_module_names | {"review", "workers", "migrations"}
        and (name_of(path), top) != BESIDE
        and not {re.sub(r"[-_.]+", "-", name).lower() for name in provides.get(top, [])} & asked
    }
    assert not missing


def test_a_package_named_like_ours_is_never_fetched() -> None:
    """The name on the public index belongs to somebody else's package."""
    for name in LOCKS:
        assert not re.search(r"^countersign\b", (REPOSITORY / name).read_text(), flags=re.MULTILINE)
