"""The client against the OpenAPI document: what it calls is there, and what it reads is what is answered."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

import countersign_client
from countersign_client import AsyncClient, Client, calls, gated
from countersign_client.answers import Feedback
from countersign_client.answers import Route as Routed
from countersign_client.datasets import AsyncDatasets, Datasets
from countersign_client.definitions import Criteria, Definition, Field, Sampling, Splitting
from countersign_client.driving import API
from countersign_client.imports import AsyncImports, Imports
from countersign_client.protocol import Route
from countersign_client.submissions import Alternative, Cost, Details, Model, Submission
from review.feedback.rules import FeedbackRecord
from review.routing.rules import Route as RouteOfTheService
from review.web.api.openapi import document_of
from tests.conftest import OF_TESTS, built_app

REFS = "#/components/schemas/"
BYTES = {"type": "string", "format": "binary"}
Schema = dict[str, Any]


@cache
def document() -> Schema:
    made = document_of(built_app(OF_TESTS))
    plain: Schema = json.loads(json.dumps(made, default=str))
    return plain


def routes() -> list[Any]:
    """List every route that the client has, by where it is written."""
    return [
        pytest.param(route, id=f"{module.name}.{name}")
        for module in pkgutil.iter_modules(calls.__path__)
        for name, route in vars(importlib.import_module(f"{calls.__name__}.{module.name}")).items()
        if isinstance(route, Route)
    ]


def operation_of(route: Route[Any]) -> Schema:
    operation: Schema = document()["paths"][API + route.path][route.method.lower()]
    return operation


def shape(schema: Schema, schemas: Schema) -> Schema:
    """Follow a reference."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(REFS)]
    return schema


def kinds(schema: Schema, schemas: Schema) -> dict[str, Schema]:
    """Give the JSON types that a schema allows, each with what describes it; nothing where it allows everything."""
    schema = shape(schema, schemas)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        parts = [kinds(each, schemas) for each in choices]
        return {} if {} in parts else {name: part for each in parts for name, part in each.items()}
    if "enum" in schema:
        return {"string": schema}
    if "type" not in schema:
        return {}
    return {schema["type"]: schema}


def differences(theirs: Schema, ours: Schema, of_ours: Schema, at: str = "") -> Iterator[str]:
    """Name the places where what the service says may not be what the client reads."""
    schemas = document()["components"]["schemas"]
    read, said = kinds(ours, of_ours), kinds(theirs, schemas)
    if not read or not said:
        return  # one of them is any JSON
    for name, part in said.items():
        match = read.get(name) or (read.get("number") if name == "integer" else None)
        if match is None:
            yield f"{at}: may be {name}, and the client reads {sorted(read)}"
        elif name == "array":
            yield from differences(part.get("items", {}), match.get("items", {}), of_ours, f"{at}[]")
        elif name == "object":
            yield from of_objects(part, match, of_ours, at)


def of_objects(theirs: Schema, ours: Schema, of_ours: Schema, at: str) -> Iterator[str]:
    fields = theirs.get("properties")
    if fields is None or "properties" not in ours:
        return  # a mapping of any keys
    for name, schema in ours["properties"].items():
        if name not in fields:
            yield f"{at}.{name}: is not in the document"
        else:
            yield from differences(fields[name], schema, of_ours, f"{at}.{name}")
    yield from (f"{at}.{name}: may be absent" for name in ours.get("required", ()) if name not in theirs["required"])


def test_there_are_routes_to_look_at() -> None:
    assert {"items.SUBMIT", "items.GET", "feedback.LIST", "reviewing.REVIEW", "datasets.READ_FILE"} <= {
        each.id for each in routes()
    }


@pytest.mark.parametrize("route", routes())
def test_a_call_is_in_the_document_with_what_it_sends(route: Route[Any]) -> None:
    operation = operation_of(route)
    queried = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    assert set(route.query) <= queried
    if route.takes:
        schemas = document()["components"]["schemas"]
        body = shape(operation["requestBody"]["content"]["application/json"]["schema"], schemas)
        assert set(route.takes) <= set(body["properties"])
        assert set(body.get("required", ())) <= set(route.takes)


@pytest.mark.parametrize("route", routes())
def test_what_the_client_reads_is_what_is_answered(route: Route[Any]) -> None:
    operation = operation_of(route)
    answers = {status: each for status, each in operation["responses"].items() if status.startswith("2")}
    assert answers
    for answer in answers.values():
        if route.gives is bytes:
            assert answer["content"]
            assert all(each["schema"] == BYTES for each in answer["content"].values())
            continue
        (ours,), parts = msgspec.json.schema_components([route.gives], ref_template=REFS + "{name}")
        found = list(differences(answer["content"]["application/json"]["schema"], ours, parts))
        assert not found


def test_the_comparison_finds_what_is_wrong() -> None:
    class Wrong(msgspec.Struct):
        id: int
        external_id: str
        invented: str = ""
        next: str | None = None

    schema = {"$ref": f"{REFS}ItemView"}
    (ours,), parts = msgspec.json.schema_components([Wrong], ref_template=REFS + "{name}")
    assert sorted(differences(schema, ours, parts)) == [
        ".external_id: may be null, and the client reads ['string']",
        ".id: may be string, and the client reads ['integer']",
        ".invented: is not in the document",
        ".next: is not in the document",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Submission, "Submission"),
        (Details, "Details"),
        (Model, "Model"),
        (Alternative, "Alternative"),
        (Cost, "Cost"),
        (Definition, "Definition"),
        (Criteria, "Criteria"),
        (Sampling, "Sampling"),
        (Splitting, "Splitting"),
        (Field, "Field"),
    ],
)
def test_what_is_sent_has_every_key_of_the_document_and_no_other(ours: Any, theirs: str) -> None:
    schema = document()["components"]["schemas"][theirs]
    assert set(ours.__required_keys__ | ours.__optional_keys__) == set(schema["properties"])
    assert set(ours.__required_keys__) == set(schema.get("required", ()))


def test_what_the_document_leaves_open_fits_what_the_service_writes() -> None:
    """`route` of an item and the records of the feed are stored JSON, which the document does not describe."""
    assert list(Feedback.__struct_fields__) == list(FeedbackRecord.__struct_fields__)
    assert set(Routed.__struct_fields__) <= set(RouteOfTheService.__struct_fields__)


@pytest.mark.parametrize(("one", "other"), [(Client, AsyncClient), (Datasets, AsyncDatasets), (Imports, AsyncImports)])
def test_both_clients_can_do_the_same(one: type, other: type) -> None:
    def able(kind: type) -> dict[str, tuple[list[str], str | None]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: ([str(each) for each in inspect.signature(method).parameters.values()], method.__doc__)
            for name, method in methods
            if not name.startswith("_")
        }

    assert able(one) == able(other)
    assert "gated" in countersign_client.__all__
    assert gated.__doc__
