"""The API answers as its own description says, whoever asks and whatever they send (promise 21).

Schemathesis makes the calls out of /api/openapi.json, so a new route is tried by itself. The same calls each time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit

import hypothesis
import msgspec
import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from review.audit.rules import OPERATOR
from review.identity import keys
from review.identity.rules import Role, new_key
from review.kernel.settings import Settings
from review.web import protocol
from review.web.api.openapi import document_of
from tests.conftest import built_app
from tests.make import World

load_all_checks()

Case: TypeAlias = Any  # generic over what no caller needs to name

ALWAYS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# How many calls of each kind are sent as whom.
EXAMPLES = {"ada": 12, "service": 6, "lea": 4, "ana": 4, "nia": 2, "ugo": 2}
NOBODY = {
    "none": "",
    "malformed": "Bearer cs_x_y",
    "other scheme": "Basic Y3M6eA==",
    "unknown": f"Bearer {new_key().secret}",
}
BEFORE_THE_KEY = {400, 404, 405, 414, 415, 431}  # what is refused before anybody asks for a key
# Descriptions make large bodies and leave few that fit, which is theirs and not the strategy's fault.
SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def wrong_is_refused(context: Any, response: Any, case: Case) -> bool | None:
    """Hold that what does not fit is refused: as a whole, or within a batch where it stands."""
    is_json = response.headers.get("content-type", [""])[0].startswith("application/json")
    if response.status_code == 200 and is_json and b'"error":' in response.content and "results" in response.json():
        return None
    sent = {name for name, _ in parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)}
    is_lost = bool(set(case.query or {}) - sent)  # a list of no values is no parameter
    is_json_sent = case.media_type == "application/json"
    if is_lost or not (sent or case.path_parameters or is_json_sent):
        return None  # what was wrong was not sent, or is a text of any kind
    return negative_data_rejection(context, response, case)


@dataclass
class Served:
    """A server with a project in it, and everybody's credentials."""

    url: str
    document: dict[str, Any]
    somebody: dict[str, str]
    nobody: dict[str, str]

    def schema(self) -> OpenApiSchema:
        schema = schemathesis.openapi.from_dict(self.document, config=schemathesis.Config())
        schema.config.update(base_url=self.url)
        return schema


@pytest.fixture
async def served(settings: Settings, world: World) -> AsyncIterator[Served]:
    chosen = msgspec.structs.replace(settings, max_waiters=0, dev_pages=False)  # nobody is kept waiting here
    somebody, nobody = await _credentials(world)
    app = built_app(chosen)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=protocol.BoundedProtocol, ws="none", log_config=None, proxy_headers=False)
    )
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield Served(url, await _document(chosen, world), somebody, nobody)
    server.should_exit = True
    await serving


async def _credentials(world: World) -> tuple[dict[str, str], dict[str, str]]:
    for name, role in (("ada", Role.ADMIN), ("nia", Role.ANALYST), ("ugo", Role.AUDITOR)):
        await world.add_person(name, role)
    gone: dict[str, str] = {}
    for name, column in (("revoked", "revoked_at"), ("expired", "expires_at")):
        async with world.db.transaction() as tx:
            gone[name] = await keys.create_key(tx, project=world.project, name=name, role=Role.ADMIN, actor=OPERATOR)
        await world.db.hot.execute(f"UPDATE api_keys SET {column} = now() - interval '1 hour' WHERE name = $1", name)
    tokens = {name: world.tokens[name] for name in ("ada", "lea", "ana", "nia", "ugo")} | {"service": world.service_key}
    somebody = {name: f"Bearer {secret}" for name, secret in tokens.items()}
    return somebody, NOBODY | {name: f"Bearer {secret}" for name, secret in gone.items()}


async def _document(settings: Settings, world: World) -> dict[str, Any]:
    """Give the description, with things that exist among the values of its paths."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document_of(built_app(settings))))
    queued = [(await world.submit(f"text {at}")).item.id for at in range(4)]
    held = await world.claim("ana", limit=2)
    known: dict[str, list[Any]] = {"item_id": queued, "assignment_id": [each.id for each in held], "pool": ["triage"]}
    for operations in document["paths"].values():
        for parameter in (each for operation in operations.values() for each in operation.get("parameters", ())):
            values = [str(each) for each in known.get(parameter["name"], ()) if parameter["in"] == "path"]
            if values:
                parameter["schema"] = {"anyOf": [{"enum": values}, parameter["schema"]]}
    return document


def options(examples: int, **more: Any) -> hypothesis.settings:
    return hypothesis.settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=SUPPRESSED,
        **more,
    )


def try_all(served: Served, mode: GenerationMode, examples: int, check: Callable[[Case], None]) -> list[str]:
    """Make calls to every operation, and tell which went wrong, and how."""
    faults: list[str] = []
    for found in served.schema().get_all_operations():
        operation = cast("Any", found).ok()
        try:
            options(examples)(given(operation.as_strategy(generation_mode=mode))(lambda case: check(case)))()  # type: ignore[no-untyped-call]  # noqa: PLW0108  settings stick to a function
        except Unsatisfiable:
            continue  # nothing can be sent that is wrong: it has neither parameters nor a body
        except FailureGroup as fault:
            faults.append(f"{operation.label}: {'; '.join(str(each) for each in fault.exceptions)}")
        except Exception as fault:  # noqa: BLE001  each is told with the others
            faults.append(f"{operation.label}: {fault!r}")
    return faults


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("times", [1, pytest.param(15, marks=[pytest.mark.faults, pytest.mark.timeout(1_800)])])
async def test_every_call_answers_as_described_to_everybody(served: Served, mode: GenerationMode, times: int) -> None:
    checks = ALWAYS + ([wrong_is_refused] if mode is GenerationMode.NEGATIVE else [])

    def run() -> list[str]:
        """Make each call once, which takes longer than its answer, and send it as one after the other."""
        session = requests.Session()
        made: Counter[str] = Counter()
        failed: set[str] = set()

        def check(case: Case) -> None:
            label = case.operation.label
            at = 0 if label in failed else made[label]  # what failed is made again, for all of them
            made[label] += 1
            for who in (each for each, examples in EXAMPLES.items() if at < times * examples):
                try:
                    case.call_and_validate(
                        base_url=served.url,
                        session=session,
                        headers={"Authorization": served.somebody[who]},
                        checks=checks,
                        timeout=20,
                    )
                except FailureGroup as fault:
                    failed.add(label)
                    message = f"as {who}: {'; '.join(str(each) for each in fault.exceptions)}"
                    raise AssertionError(message) from fault

        return try_all(served, mode, times * max(EXAMPLES.values()), check)

    faults = await asyncio.to_thread(run)
    assert not faults, "\n".join(faults)


async def test_nobody_gets_an_answer_without_a_key_that_is_good(served: Served) -> None:
    def run() -> list[str]:
        """Make each call once, which takes longer than its answer, and send it with one credential after the other."""
        session = requests.Session()
        expected = BEFORE_THE_KEY | {401, 429}

        def check(case: Case) -> None:
            for name, credential in served.nobody.items():
                headers = {"Authorization": credential}
                answer = case.call(base_url=served.url, session=session, headers=headers, timeout=20)
                case.validate_response(answer, checks=ALWAYS)
                assert answer.status_code in expected or not case.operation.definition.raw["security"], name

        return try_all(served, GenerationMode.POSITIVE, 2, check)

    faults = await asyncio.to_thread(run)
    assert not faults, "\n".join(faults)


async def test_calls_that_follow_from_each_other_answer_as_described(served: Served) -> None:
    def run(who: str) -> None:
        machine: Any = served.schema().as_state_machine()

        class Following(machine):  # type: ignore[misc]  # made at run time
            def get_call_kwargs(self, case: Case) -> dict[str, Any]:  # noqa: ARG002  the base gives it
                return {"headers": {"Authorization": served.somebody[who]}, "timeout": 20}

            def validate_response(self, response: Any, case: Case, *_more: Any, **_known: Any) -> None:
                case.validate_response(response, checks=ALWAYS)

        Following.run(settings=options(15, stateful_step_count=8))

    for who in ("ada", "lea"):
        await asyncio.to_thread(run, who)
