"""The verifier that docs/audit.md shows: it knows nothing of our code, and tells true from false."""

import asyncio
import base64
import json
import re
import sys
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from review.audit import service as audit
from review.audit.notes import show_key
from review.audit.rules import OPERATOR
from review.identity.rules import Role
from tests.audit.logs import SIGNER, advance
from tests.house.source import REPOSITORY
from tests.make import World

PAGE = (REPOSITORY / "docs" / "audit.md").read_text()
SNIPPET, SIGNATURE = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


async def run(answer: dict[str, Any]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", SNIPPET),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps(answer).encode())
    return process.returncode or 0, said.decode()


async def test_the_documented_verifier_takes_true_proofs_and_refuses_others(
    http: httpx.AsyncClient, world: World
) -> None:
    """Promise 31: twenty lines of the standard library check what the service says."""
    assert len(SNIPPET.splitlines()) <= 22
    await world.add_person("max", Role.AUDITOR)
    for number in range(20):
        await world.submit(f"text {number}")
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "correct", {"label": "refund"}, comment='a “café”, {surely}\n,"leaf":"')
    await advance(world)
    for number in range(5):
        await world.submit(f"more {number}")
    await advance(world)
    auditor = {"Authorization": f"Bearer {world.tokens['max']}"}
    answer = (await http.get(f"/api/v1/items/{held.item.id}/proof", headers=auditor)).json()
    size = answer["checkpoint"]["size"]
    assert await run(answer) == (0, f"4 entries stand in the log of {size}\n")

    note_text = answer["checkpoint"]["checkpoint"]
    exec(SIGNATURE, {"note_text": note_text, "key": show_key(SIGNER.public_key), "base64": base64})  # noqa: S102  the page's own code
    with pytest.raises(InvalidSignature):
        exec(SIGNATURE, {"note_text": "x" + note_text, "key": show_key(SIGNER.public_key), "base64": base64})  # noqa: S102  the page's own code

    for old, new in (("refund", "card_arrival"), ("ana@example.com", "eve@example.com"), ("approve", "reject")):
        spoilt = json.loads(json.dumps(answer))
        for each in spoilt["data"]:
            each["entry"] = each["entry"].replace(old, new)
        if spoilt != answer:
            assert (await run(spoilt))[0] == 1, old
    changes: list[dict[str, Any]] = [{"index": 3}, {"proof": []}]
    for change in changes:
        spoilt = json.loads(json.dumps(answer))
        spoilt["data"][1] |= change
        assert (await run(spoilt))[0] == 1, change

    entries = await world.db.hot.fetch("SELECT id FROM audit_entries WHERE item_id = $1", held.item.id)
    async with world.db.transaction() as tx:
        ids = [row["id"] for row in entries]
        assert await audit.erase(tx, world.service.project_id, ids, actor=OPERATOR, reason="asked to") == 4
    erased = (await http.get(f"/api/v1/items/{held.item.id}/proof", headers=auditor)).json()
    assert "ana@example.com" not in json.dumps(erased)
    assert (await run(erased))[0] == 0
