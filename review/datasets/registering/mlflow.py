"""MLflow over its REST API, version 2.0: an experiment, a run found by its tag or created, and what goes into it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec

from review.datasets.registering.errors import TrackerRefused
from review.datasets.registering.rules import SNAPSHOT_ID, Told

TIMEOUT_SECONDS: Final = 15.0
MOST_BYTES: Final = 1024 * 1024
API: Final = "/api/2.0/mlflow/"
T = TypeVar("T")


class _Info(msgspec.Struct, frozen=True):
    run_id: str


class _Run(msgspec.Struct, frozen=True):
    info: _Info


class _Runs(msgspec.Struct, frozen=True):
    runs: list[_Run] = []


class _Created(msgspec.Struct, frozen=True):
    run: _Run


class _Experiment(msgspec.Struct, frozen=True):
    experiment_id: str


class _Named(msgspec.Struct, frozen=True):
    experiment: _Experiment


class _Nothing(msgspec.Struct, frozen=True):
    pass


class _Refusal(msgspec.Struct, frozen=True):
    error_code: str = ""
    message: str = ""


class Mlflow:
    """A tracking server; an experiment is that of a project."""

    def __init__(self, url: str, token: str) -> None:
        parts = httpx.URL(url)
        self._shown = str(parts.copy_with(userinfo=b"")).rstrip("/")
        self._client = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}{API}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def tell(self, experiment: str, told: Told) -> str:
        """Tell of a snapshot, and give the address of its run; doing it again changes nothing.

        Raises:
            TrackerRefused.
        """
        experiment_id = await self._experiment(experiment)
        run_id = await self._find(experiment_id, told.tags[SNAPSHOT_ID]) or await self._create(experiment_id, told)
        of = {"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": told.dataset}
        await self._post("runs/log-inputs", {"run_id": run_id, "datasets": [of]}, _Nothing)
        at = int(told.at.timestamp() * 1000)
        metrics = [{"key": key, "value": of, "timestamp": at, "step": 0} for key, of in told.metrics.items()]
        await self._post(
            "runs/log-batch",
            {"run_id": run_id, "metrics": metrics, "params": _pairs(told.params), "tags": _pairs(told.tags)},
            _Nothing,
        )
        await self._post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": at}, _Nothing)
        return f"{self._shown}/#/experiments/{experiment_id}/runs/{run_id}"

    async def tag(self, experiment: str, snapshot_id: str, tags: Mapping[str, str]) -> str:
        """Set tags of the run that told of a snapshot, and give its address; where there is none, nothing is to be set.

        Raises:
            TrackerRefused.
        """
        experiment_id = await self._experiment(experiment)
        run_id = await self._find(experiment_id, snapshot_id)
        if run_id is None:
            return ""
        await self._post("runs/log-batch", {"run_id": run_id, "tags": _pairs(tags)}, _Nothing)
        return f"{self._shown}/#/experiments/{experiment_id}/runs/{run_id}"

    async def _experiment(self, name: str) -> str:
        """Give the id of an experiment, which is created where there is none."""
        try:
            found = await self._ask(_Named, "GET", "experiments/get-by-name", params={"experiment_name": name})
        except _NotThere:
            return (await self._post("experiments/create", {"name": name}, _Experiment)).experiment_id
        return found.experiment.experiment_id

    async def _find(self, experiment_id: str, snapshot_id: str) -> str | None:
        asked = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`{SNAPSHOT_ID}` = '{snapshot_id}'",
            "max_results": 1,
        }
        found = await self._post("runs/search", asked, _Runs)
        return found.runs[0].info.run_id if found.runs else None

    async def _create(self, experiment_id: str, told: Told) -> str:
        asked = {
            "experiment_id": experiment_id,
            "run_name": told.name,
            "start_time": int(told.at.timestamp() * 1000),
            "tags": _pairs(told.tags),
        }
        return (await self._post("runs/create", asked, _Created)).run.info.run_id

    async def _post(self, path: str, body: dict[str, Any], kind: type[T]) -> T:
        return await self._ask(kind, "POST", path, json=body)

    async def _ask(self, kind: type[T], method: str, path: str, **sent: Any) -> T:
        try:
            status, raw = await self._send(method, path, **sent)
            if status == 200:
                return msgspec.json.decode(raw or b"{}", type=kind)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            message = f"{path} could not be asked: {str(fault) or type(fault).__name__}"
            raise TrackerRefused(message) from fault
        except msgspec.MsgspecError as fault:
            message = f"{path} answered what MLflow does not: {fault}"
            raise TrackerRefused(message) from fault
        refusal = _refusal_in(raw)
        message = f"{path} answered {status}. {refusal.message[:300]}".strip()
        raise (_NotThere if refusal.error_code == "RESOURCE_DOES_NOT_EXIST" else TrackerRefused)(message)

    async def _send(self, method: str, path: str, **sent: Any) -> tuple[int, bytes]:
        async with self._client.stream(method, path, **sent) as answer:
            raw = b""
            async for piece in answer.aiter_bytes():
                raw += piece
                if len(raw) > MOST_BYTES:
                    message = f"{path} answered more than {MOST_BYTES:,} bytes."
                    raise TrackerRefused(message)
        return answer.status_code, raw


class _NotThere(TrackerRefused):
    """What was asked for is not there."""


def _refusal_in(raw: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(raw, type=_Refusal)
    except msgspec.MsgspecError:
        return _Refusal()


def _pairs(given: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in given.items()]
