"""The client as it is handed out: small, whole, and with nothing of the service in it."""

import ast
import pickle
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import httpx
import msgspec
import pytest
from hatchling.builders.wheel import WheelBuilder

import countersign_client
from countersign_client import (
    Client,
    CountersignError,
    Item,
    NotDecided,
    NotReached,
    Problem,
    RateLimited,
    Refused,
    Withdrawn,
)
from countersign_client.errors import refusal
from tests.client.test_retries import ITEM
from tests.house.source import REPOSITORY, imported_packages, python_files, tree_of

CLIENT = REPOSITORY / "client"
# Each is imported where it is needed, and named by `LibraryMissing` where it is not there.
LAZY = {"cryptography", "datasets", "pandas", "polars"}


def test_it_depends_on_two_packages_and_imports_no_other() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    asked = {re.split(r"[^a-z0-9-]", each)[0] for each in project["dependencies"]}
    assert asked == {"httpx", "msgspec"}
    imported = {top for path in python_files("client/src") for top in imported_packages(tree_of(path))}
    assert imported - sys.stdlib_module_names == asked | LAZY | {"countersign_client"}


def test_what_is_imported_lazily_is_imported_nowhere_else() -> None:
    for path in python_files("client/src"):
        top = [node for node in tree_of(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not imported_packages(ast.Module(body=list(top), type_ignores=[])) & LAZY, path


def test_a_wheel_is_built_without_a_network(tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(CLIENT)).build(directory=str(tmp_path), versions=["standard"])
    names = {name for name in zipfile.ZipFile(built).namelist() if ".dist-info/" not in name}
    source = CLIENT / "src"
    assert names == {
        str(path.relative_to(source)) for path in source.rglob("*") if path.suffix == ".py" or path.name == "py.typed"
    }


def test_what_is_named_is_there_and_what_is_there_is_named() -> None:
    public = {name for name, value in vars(countersign_client).items() if getattr(value, "__doc__", None)}
    modules = {path.stem for path in (CLIENT / "src" / "countersign_client").iterdir()}
    assert {name for name in public if not name.startswith("_")} - modules <= set(countersign_client.__all__)
    assert all(hasattr(countersign_client, name) for name in countersign_client.__all__)


def test_the_readme_compiles_and_speaks_of_what_is_there() -> None:
    readme = (CLIENT / "README.md").read_text()
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    client = Client("http://somewhere", "key", transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    for block in blocks:
        tree = compile(block, "README.md", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "countersign_client":
                assert {each.name for each in node.names} <= set(countersign_client.__all__)
        for path in re.findall(r"\bclient\.([a-z_]+(?:\.[a-z_]+)?)\(", block):
            found: object = client
            for name in path.split("."):
                found = getattr(found, name)
            assert callable(found)


@pytest.mark.parametrize(
    "fault",
    [
        refusal(Problem(status=429, code="rate_limited", detail="Later."), retry_after=3.0),
        NotReached("Nobody.", may_have_arrived=True),
        NotDecided(msgspec.convert(ITEM, Item)),
    ],
)
def test_an_error_crosses_processes(fault: CountersignError) -> None:
    """Task queues hand errors from one process to another by pickling them."""
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301  what was dumped in the same line
    assert (type(again), str(again), vars(again)) == (type(fault), str(fault), vars(fault))


def test_an_outcome_is_there_or_says_why_not() -> None:
    item = msgspec.convert(ITEM, Item)
    with pytest.raises(NotDecided, match="still queued"):
        assert item.outcome.verdict
    with pytest.raises(Withdrawn):
        assert msgspec.structs.replace(item, status="withdrawn").outcome.verdict


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "rate_limited", "RateLimited"),
        (409, "lease_lost", "LeaseLost"),
        (409, "new", "Conflict"),
        (418, "x", "Refused"),
    ],
)
def test_a_refusal_is_the_most_particular_error_there_is(status: int, code: str, kind: str) -> None:
    fault = refusal(Problem(status=status, code=code, detail="Said so."))
    assert type(fault).__name__ == kind
    assert isinstance(fault, Refused)
    assert isinstance(fault, RateLimited) == (status == 429)
