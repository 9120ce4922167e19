"""Imports of labelled data, synchronous and asynchronous."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Literal

from countersign_client.answers import Import, LeftOut
from countersign_client.calls import imports as calls
from countersign_client.calls.imports import How, Layout
from countersign_client.datasets import Run, RunAsync
from countersign_client.protocol import Patience


class Imports:
    """Moving in: what was labelled elsewhere, as `client.imports`."""

    def __init__(self, run: Run, patience: Patience) -> None:
        self._run = run
        self._patience = patience

    def upload(
        self,
        file: Path | str | bytes,
        *,
        type: str,
        map: Mapping[str, str] | None = None,
        how: How = "decided",
        format: Layout | None = None,
        name: str | None = None,
        gold: bool = False,
        idempotency_key: str | None = None,
    ) -> Import:
        """Upload a file, a path or its content, for a worker to import.

        `map` says for each part of an item which field of a row it is: `{"input.text": "text", "label": "intent"}`;
        what was exported from here needs none. Without `format` the name's ending tells. Rows become items that are
        decided by their labels, or with `how="queue"` are submitted for review. Answers that were known
        beforehand are `gold`, which datasets leave out.

        Raises:
            Invalid: the file cannot be imported as asked, or none of its first rows can (422).
        """
        steps = calls.upload(
            self._patience,
            file,
            type=type,
            map=map,
            how=how,
            format=format,
            name=name,
            gold=gold,
            idempotency_key=idempotency_key,
        )
        return self._run(steps)

    def wait(self, imported: Import | int, *, timeout: float | None = None) -> Import:
        """Wait, for so many seconds or for ever, until an import is done; `left_out` counts rows that did not fit.

        Raises:
            ImportFailed: it failed or was stopped.
            ImportLate: the seconds of `timeout` are up.
        """
        return self._run(calls.wait(self._patience, _number_of(imported), timeout=timeout))

    def left_out(self, imported: Import | int) -> list[LeftOut]:
        """Read the rows that were left out, the first 10,000, with their lines and the reasons."""
        return self._run(calls.left_out(self._patience, _number_of(imported)))

    def save_left_out(
        self, imported: Import | int, into: Path | str, *, format: Literal["jsonl", "csv"] = "jsonl"
    ) -> Path:
        """Write the rows that were left out to a file."""
        return self._run(calls.save_left_out(self._patience, _number_of(imported), into, format=format))

    def get(self, imported: Import | int) -> Import:
        """Read how far an import is."""
        return self._run(calls.get(self._patience, _number_of(imported)))

    def stop(self, imported: Import | int) -> Import:
        """End an import where it is; what was imported stays."""
        return self._run(calls.stop(self._patience, _number_of(imported)))

    def all(self) -> Iterator[Import]:
        """Iterate over the imports, the last first."""
        before: int | None = None
        while True:
            page = self._run(calls.page(self._patience, before))
            yield from page.data
            if page.next is None:
                return
            before = page.next


class AsyncImports:
    """Moving in: what was labelled elsewhere, as `client.imports`."""

    def __init__(self, run: RunAsync, patience: Patience) -> None:
        self._run = run
        self._patience = patience

    async def upload(
        self,
        file: Path | str | bytes,
        *,
        type: str,
        map: Mapping[str, str] | None = None,
        how: How = "decided",
        format: Layout | None = None,
        name: str | None = None,
        gold: bool = False,
        idempotency_key: str | None = None,
    ) -> Import:
        """Upload a file, a path or its content, for a worker to import.

        `map` says for each part of an item which field of a row it is: `{"input.text": "text", "label": "intent"}`;
        what was exported from here needs none. Without `format` the name's ending tells. Rows become items that are
        decided by their labels, or with `how="queue"` are submitted for review. Answers that were known
        beforehand are `gold`, which datasets leave out.

        Raises:
            Invalid: the file cannot be imported as asked, or none of its first rows can (422).
        """
        steps = calls.upload(
            self._patience,
            file,
            type=type,
            map=map,
            how=how,
            format=format,
            name=name,
            gold=gold,
            idempotency_key=idempotency_key,
        )
        return await self._run(steps)

    async def wait(self, imported: Import | int, *, timeout: float | None = None) -> Import:
        """Wait, for so many seconds or for ever, until an import is done; `left_out` counts rows that did not fit.

        Raises:
            ImportFailed: it failed or was stopped.
            ImportLate: the seconds of `timeout` are up.
        """
        return await self._run(calls.wait(self._patience, _number_of(imported), timeout=timeout))

    async def left_out(self, imported: Import | int) -> list[LeftOut]:
        """Read the rows that were left out, the first 10,000, with their lines and the reasons."""
        return await self._run(calls.left_out(self._patience, _number_of(imported)))

    async def save_left_out(
        self, imported: Import | int, into: Path | str, *, format: Literal["jsonl", "csv"] = "jsonl"
    ) -> Path:
        """Write the rows that were left out to a file."""
        return await self._run(calls.save_left_out(self._patience, _number_of(imported), into, format=format))

    async def get(self, imported: Import | int) -> Import:
        """Read how far an import is."""
        return await self._run(calls.get(self._patience, _number_of(imported)))

    async def stop(self, imported: Import | int) -> Import:
        """End an import where it is; what was imported stays."""
        return await self._run(calls.stop(self._patience, _number_of(imported)))

    async def all(self) -> AsyncIterator[Import]:
        """Iterate over the imports, the last first."""
        before: int | None = None
        while True:
            page = await self._run(calls.page(self._patience, before))
            for each in page.data:
                yield each
            if page.next is None:
                return
            before = page.next


def _number_of(imported: Import | int) -> int:
    return imported.number if isinstance(imported, Import) else imported
