"""The snippets on a snapshot's page, each run as it stands against a real snapshot."""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

import countersign_client
from countersign_client import Client
from review.datasets.snapshots import running
from tests.datasets.test_export import leave
from tests.make import World
from tests.web.test_dataset_pages import P, token

__all__ = ["token"]
SNIPPET = re.compile(r'<h3 id="of-\d"[^>]*>([^<]+)</h3>\s*<pre[^>]*>([^<]*)</pre>\s*<button type="button" hidden')
FILES = re.compile(r'href="[^"]+/files/([a-z0-9.-]+)"')


class Bridge(httpx.BaseTransport):
    """The application for a client that does not know of event loops, called from a thread."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._loop = asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = self._http.request(request.method, request.url, headers=request.headers, content=request.read())
        answer = asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


async def test_a_snapshots_page_draws_its_labels_and_every_snippet_on_it_runs_as_it_stands(
    http: httpx.AsyncClient, world: World, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 7, point 9: what is copied from the page reads the snapshot."""
    for at in range(30):
        await leave(world.db, world.service.project_id, label=f"l{at % 3}", minute=at * 1_440)
    form = {"_csrf": token, "name": "intents", "by": "item", "part_train": "60", "part_class": "", "part_test": "40"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("COUNTERSIGN_KEY", world.tokens["nia"])
    bridge = Bridge(http)
    monkeypatch.setattr(countersign_client, "Client", lambda url, key: Client(url, key, transport=bridge))
    for made, parts in (("intents", {}), ("whole", {"name": "whole", "part_train": "", "part_test": ""})):
        await http.post(P, data=form | parts)
        await http.post(f"{P}/{made}/snapshots", data={"_csrf": token})
        await running.advance(world.db, world.settings)
        page = (await http.get(f"{P}/{made}/1")).text
        for name in FILES.findall(page):
            answer = await http.get(f"{P}/{made}/1/files/{name}")
            saved = re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])
            assert saved
            (tmp_path / saved[1]).write_bytes(answer.content)
        assert "A bar is a day (UTC)" in page
        assert page.count('<tr class="volume">') == 1
        snippets = {name: unescape(code) for name, code in SNIPPET.findall(page)}
        assert list(snippets) == ["pandas", "Polars", "datasets", "countersign-client"]

        found = {name: await asyncio.to_thread(run, code) for name, code in snippets.items()}
        train = "train" if made == "intents" else "all_records"
        heights = [len(found[name][train]) for name in ("pandas", "Polars", "countersign-client")]
        assert set(heights) == {len(found["datasets"]["records"]["train"])}
        assert heights[0] > 0
        if made == "intents":
            assert heights[0] + len(found["Polars"]["test"]) == 30
    await http.post(f"{P}/intents/snapshots", data={"_csrf": token})
    await running.advance(world.db, world.settings)
    both = (await http.get(f"{P}/intents")).text
    assert both.count('<tr class="volume">') == 2
    assert "A bar is a snapshot" in both


def run(code: str) -> dict[str, Any]:
    """Run the lines of a snippet; gives the names that they leave."""
    names: dict[str, Any] = {}
    exec(compile(code, "<snippet>", "exec"), names)  # noqa: S102  what the page shows is what is run
    return names
