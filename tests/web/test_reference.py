"""The API describes itself: the OpenAPI document, the page of calls, the page of error codes."""

import httpx
import pytest

from review.web.api.codes import error_codes
from tests.make import World


@pytest.mark.usefixtures("world")
async def test_every_call_of_the_contract_is_described(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    submit = document["paths"]["/api/v1/items"]["post"]
    assert submit["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Submission"}
    assert submit["x-permission"] == "items:submit"
    properties = document["components"]["schemas"]["Submission"]["properties"]
    assert {"type", "input", "output", "external_id", "confidence", "respond_by"} <= set(properties)
    page = await http.get("/api")
    assert page.status_code == 200
    for path in document["paths"]:
        assert path in page.text


@pytest.mark.usefixtures("world")
async def test_every_error_code_has_its_own_meaning(http: httpx.AsyncClient, world: World) -> None:
    page = (await http.get("/api/errors")).text
    codes = error_codes()
    assert {"lease_lost", "conflicting_resubmission", "not_found"} <= {each.code for each in codes}
    for each in codes:
        assert f'id="{each.code}"' in page
        assert each.words.endswith(".")
    refused = await http.get("/api/v1/items", headers={"Authorization": "Bearer cs_nope"})
    assert refused.json()["type"] == "/api/errors#not_authenticated"
    assert world.service_key not in refused.text
