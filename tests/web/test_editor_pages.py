"""Issue 6: the editor of rules over plain forms: what is wrong, where an item would go, and a candidate in the end."""

import json

import httpx
import pytest

from review.identity.rules import Role
from tests.make import CONFIG, World, submission

P = "/p/support/rules/edit"
SOURCE = CONFIG.format(project="support")
LISTS = SOURCE.replace(
    "rules:\n",
    "lists: {unwanted: [spam, junk]}\n"
    "scores:\n  risk: [{when: 'item.confidence < 0.7', add: 55}]\n"
    "rules:\n"
    "  - {name: far, when: 'item.input.text in lists.unwanted && scores.risk > 60', then: {review: seniors}}\n",
)


@pytest.fixture
async def token(world: World, http: httpx.AsyncClient) -> str:
    """Sign an admin in; gives the token that forms carry."""
    await world.add_person("abe", Role.ADMIN, password="correct horse battery")
    await http.post("/sign-in", data={"email": "abe@example.com", "password": "correct horse battery"})
    given: str = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    return given


async def test_faults_are_told_with_their_lines_and_what_was_typed_stays(http: httpx.AsyncClient, token: str) -> None:
    page = (await http.get(P)).text
    assert "item.confidence &lt; 0.8" in page
    assert 'data-text="item.input.amount"' in page
    wrong = SOURCE.replace("item.confidence < 0.8", "item.confidense < 0.8")
    fields = {"_csrf": token, "source": wrong, "reason": "to be <kept>", "pasted": '{"a"'}
    for act, status in (("check", 200), ("try", 200), ("save", 422)):
        answer = await http.post(P, data={**fields, "do": act})
        assert answer.status_code == status, answer.text
        line = wrong[: wrong.index("confidense")].count("\n") + 1
        assert f'data-line="{line}"' in answer.text
        assert f"Line {line}, column" in answer.text
        assert "did you mean `confidence`?" in answer.text
        assert "to be &lt;kept&gt;" in answer.text
        assert "item.confidense &lt; 0.8" in answer.text
        assert "{&#34;a&#34;</textarea>" in answer.text


async def test_an_item_is_tried_with_each_rules_result_and_the_values_of_its_parts(
    http: httpx.AsyncClient, world: World, token: str
) -> None:
    accepted = await world.submit("spam", confidence=0.62, external_id="msg-7")
    chosen = {"item": str(accepted.item.id), "pasted": "not read"}
    pasted = {"item": "", "pasted": json.dumps(submission(text="spam", confidence=0.62))}
    assert "msg-7 (Ticket intent)" in (await http.get(P)).text
    for given in (chosen, pasted):
        page = (await http.post(P, data={"_csrf": token, "source": LISTS, "do": "try", **given})).text
        assert "sends it to the people of" in page, page
        assert "text &#34;spam&#34; is in unwanted</code> holds." in page
        assert "risk 55 &gt; 60</code> does not hold." in page
        assert '<code translate="no">item.confidence</code> is <span translate="no">0.62</span>' in page
        assert '<code translate="no">scores.risk</code> is <span translate="no">55</span>' in page


@pytest.mark.parametrize(
    "pasted", ["", "{", '{"type": "nonsense", "input": 1, "output": 2}', '{"type": "ticket_intent"}', "[]"]
)
async def test_an_item_that_cannot_be_tried_is_refused_in_its_place(
    http: httpx.AsyncClient, token: str, pasted: str
) -> None:
    answer = await http.post(P, data={"_csrf": token, "source": SOURCE, "do": "try", "pasted": pasted})
    assert answer.status_code == 200
    assert 'class="flash bad" role="alert"' in answer.text
    assert "Where the item would go" not in answer.text


async def test_a_text_without_faults_becomes_a_candidate(http: httpx.AsyncClient, world: World, token: str) -> None:
    form = {"_csrf": token, "do": "save", "reason": "fewer slips"}
    same = await http.post(P, data={**form, "source": SOURCE})
    assert "there is nothing to store" in same.text
    other = await http.post(P, data={**form, "source": LISTS.replace("project: support", "project: other")})
    assert other.status_code == 422
    assert "belongs to project `support`" in other.text
    answer = await http.post(P, data={**form, "source": LISTS.replace("\n", "\r\n")})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/p/support/rules/2?done=propose-version"
    page = (await http.get(answer.headers["location"])).text
    assert "fewer slips" in page
    assert f"{P}?from=2" in page
    assert "lists.unwanted" in (await http.get(f"{P}?from=2")).text
    assert await world.db.hot.fetchval("SELECT config_version FROM projects WHERE slug = 'support'") == 1


async def test_a_script_gets_the_part_alone_and_the_trial_as_one_types(http: httpx.AsyncClient, token: str) -> None:
    form = {"_csrf": token, "source": LISTS, "pasted": json.dumps(submission(confidence=0.9))}
    part = (await http.post(P, data=form, headers={"hx-request": "true"})).text
    assert part.lstrip().startswith('<div id="told"')
    assert "approves it." in part
    assert 'data-text="lists.unwanted"' in part
