"""The pages of imports: a file that is uploaded by a form, how far it is, and the rows that it left out."""

import httpx

from review.identity.rules import Role
from review.imports import running
from tests.make import World

P = "/p/support/imports"
ROWS = b'text,intent\r\nwhere,card_arrival\r\nlost,"<script>stolen"\r\n'
FORM = {"type": "ticket_intent", "as": "decided", "format": "", "name": "", "map": "input.text=text\r\nlabel=intent"}


async def test_a_file_is_uploaded_by_a_form_and_what_it_left_out_is_taken_home(
    http: httpx.AsyncClient, world: World
) -> None:
    """Issue 7, point 6: a data scientist moves in on the page, without the command and without script."""
    await world.add_person("nia", Role.ANALYST, password="correct horse battery")
    await http.post("/sign-in", data={"email": "nia@example.com", "password": "correct horse battery"})
    token: str = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    form, file = FORM | {"_csrf": token}, {"file": ("old labels.csv", ROWS, "text/csv")}

    empty = (await http.get(P)).text
    assert "Nothing was imported yet." in empty
    assert "input.text=text\nlabel.label=label" in empty
    assert 'enctype="multipart/form-data"' in empty
    stale = await http.post(P, data=FORM | {"_csrf": "x"}, files=file)
    without = await http.post(P, data=form)
    wrong = await http.post(P, data=form | {"map": "input.text=words\nlabel=intent"}, files=file)
    assert [each.status_code for each in (stale, without, wrong)] == [403, 422, 422]
    assert "The file has no column" in wrong.text
    assert "it has: intent, text" in wrong.text

    begun = await http.post(P, data=form, files=file)

    assert (begun.status_code, begun.headers["location"]) == (303, f"{P}/1")
    waiting = (await http.get(f"{P}/1")).text
    assert "So far 0 rows are imported" in waiting
    assert 'hx-trigger="load delay:1s"' in waiting
    assert await running.advance(world.db, world.settings) == 1
    done = (await http.get(f"{P}/1")).text
    assert "1 rows were imported, 0 were there already, and 1 were left out." in done
    assert "&lt;script&gt;stolen" in done
    assert "<script>stolen" not in done
    assert "hx-trigger" not in (await http.get(f"{P}/1", headers={"hx-request": "true"})).text
    assert (await http.get(f"{P}/1/errors")).text.startswith('{"line":3,')
    assert (await http.get(f"{P}/1/errors?format=csv")).text.startswith("line,reason,row\r\n3,")
    assert "old labels.csv" in (await http.get(P)).text
    await http.post(P, data=form, files=file)
    await http.post(f"{P}/2/stop", data={"_csrf": token})
    assert "Upload the file again to go on" in (await http.get(f"{P}/2")).text
