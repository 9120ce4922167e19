"""Files that are imported to do harm by what their rows say."""

from collections.abc import Sequence

import httpx
import msgspec

from review.imports import running
from tests.make import World


async def move_in(world: World, api: httpx.AsyncClient, hostile: Sequence[str]) -> None:
    """Have a file imported that leaves out rows with something to do harm by, and one that waits."""
    rows = [{"text": "x", "label": {"text": "y"}}, *({"text": each, "label": each} for each in hostile)]
    content = b"\n".join(msgspec.json.encode(each) for each in rows)
    headers = {"Authorization": f"Bearer {world.tokens['lea']}", "Content-Type": "application/x-ndjson"}
    for name in hostile[:2]:
        asked = {"type": "everything", "name": name, "map": ["input=text", "label=label", f"comment={hostile[1]}"]}
        answer = await api.post("/imports", params=asked, content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        if name == hostile[0]:
            await running.advance(world.db, world.settings)
