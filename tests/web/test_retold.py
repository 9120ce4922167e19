"""What packages below the pages write is known to the pages, word for word, so that it can be said in any language."""

import ast
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.delivery.egress.rules import ADVICE
from review.kernel import catalogue
from review.kernel.catalogue import Languages
from review.kernel.clock import utc_now
from review.kernel.resources import PACKAGE
from review.sla import regions
from review.sla.calendars import Calendar, describe_day
from review.sla.reasons import duration
from review.sla.rules import Clock, Facts, PriorityTargets, SlaPolicy, Target, run
from review.web.pages import ladders, retold, stored
from review.web.words.calls import CALL
from review.web.words.retelling import Book
from tests.configuration.test_limits import GOOD, compiled
from tests.configuration.test_shadows import source
from tests.sla.make import THOROUGH, calendars, running
from tests.web.left_over import unmarked
from tests.web.made_up import install, marked

FEW = THOROUGH(max_examples=60)
# What stands in a gap, by how the code writes it; a number where nothing else is asked for.
FILLED = {
    "why": "nobody holds it",
    "_reviews(plan.seats_added)": "2 reviews",
    "_reviews(wanted - plan.seats_added)": "1 review",
    "told(answer)": "status 500",
    "rules.told(answer)": "no connection: Network is down",
    "named": "10.0.0.1 is",
    "ADVICE": ADVICE,
    "seen.stage": "reading the answer",
    "look.standing.value": "disabled",
    "winner.verdict": "reject",
}
GAP = re.compile(r"%\((\w+)\)s")  # of a sentence that is put together later
WRITTEN: dict[str, tuple[Book, frozenset[str]]] = {
    "escalation/rules.py": (retold.DONE | retold.FAILED | retold._NOBODY, frozenset({"done", "dead", "unreachable"})),
    "escalation/ladder.py": (retold.FAILED, frozenset({"TAKES_TWO", "STOPPED"})),
    "queueing/rules.py": (retold.LOST, frozenset({"reason", "_reason_kept"})),
    "reviewing/pending.py": (retold.LOST, frozenset({"_drop"})),
    "datasets/snapshots/running.py": (stored.SNAPSHOT, frozenset({"error", "told", "let_go", "_nothing"})),
    "datasets/snapshots/withdrawing.py": (stored.SNAPSHOT, frozenset({"_said"})),
    "datasets/snapshots/store.py": (stored.SNAPSHOT, frozenset({"message"})),
    "configuration/endings.py": (stored.ROLLOUT, frozenset({"because"})),
    "rollout/steering.py": (stored.ROLLOUT, frozenset({"because"})),
    "reviewing/rules.py": (stored.UNFIT, frozenset({"FieldError"})),
    "items/types.py": (stored.UNFIT, frozenset({"_LIMITS", "_WORDS", "_ONE_FORM", "_foreign"})),
    "routing/conditions.py": (stored.EVALUATION, frozenset({"_lacking"})),
    "routing/faults.py": (stored.EVALUATION, frozenset({"in_words"})),
    "escalation/ladder.py ": (stored.ACTOR, frozenset({"_by", "decided_by"})),
    "rehearsal/running.py": (retold.BACKTEST, frozenset({"end"})),
    "delivery/egress/service.py": (CALL, frozenset({"_attempt"})),
    "delivery/egress/connecting.py": (CALL, frozenset({"explain", "message"})),
    "delivery/egress/rules.py": (CALL, frozenset({"message"})),
    "delivery/webhooks/rules.py": (retold.DELIVERY, frozenset({"because"})),
    "delivery/webhooks/turns.py": (retold.DELIVERY | CALL, frozenset({"reason", "LOST"})),
    "delivery/webhooks/dispatch.py": (CALL, frozenset({"STOPPED", "UNREADABLE"})),
    "delivery/notifications/dispatch.py": (retold.NOTICE, frozenset({"why", "SendFailed"})),
    "delivery/notifications/rules.py": (retold.NOTICE, frozenset({"_held_back"})),
    "delivery/notifications/mail.py": (retold.NOTICE, frozenset({"why"})),
    "delivery/notifications/channels.py": (retold.NOTICE, frozenset({"why", "reason", "ENDED"})),
    "delivery/notifications/child.py": (retold.NOTICE, frozenset({"Reply"})),
}


@FEW
@given(drawn=running(), amount=st.integers(1, 20_000), priority=st.sampled_from([0, 50, 90]), on=st.booleans())
def test_why_something_is_due_is_read_back_word_for_word(
    drawn: tuple[Calendar, date, Facts],
    amount: int,
    priority: int,
    on: bool,
) -> None:
    found, _, facts = drawn
    policy = SlaPolicy(
        name="standard",
        decide=Target(timedelta(minutes=amount)),
        by_priority=(PriorityTargets(at_least=priority, decide=Target(timedelta(seconds=amount))),),
        calendar=found if on else None,
    )
    clock = run(policy, facts)
    assert isinstance(clock, Clock)
    for said in clock.because:
        assert retold.CLOCK.find(said) == said


@FEW
@given(drawn=calendars(), after=st.integers(-20, 20))
def test_what_a_day_is_like_is_read_back_word_for_word(drawn: tuple[Calendar, date], after: int) -> None:
    found, anchor = drawn
    said = describe_day(found, anchor + timedelta(days=after))
    assert retold.CLOCK.find(said) == said


@given(st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_length_of_time_is_read_back_word_for_word(amount: timedelta) -> None:
    assert retold.time(duration(amount)) == duration(amount)


def test_what_a_configuration_asks_for_in_vain_is_read_back_word_for_word() -> None:
    told = [*compiled(GOOD).warnings, *compile_config(parse(source(("true", 1.0, "{review: few}")))).warnings]
    thens = ("{approve: true}", "{reject: true}", "{review: few}", "{review: none}")
    for second in ("true", "item.confidence < 0.5"):
        for one, other in product(thens, thens):
            told += compile_config(parse(source(("true", 1.0, one), (second, 1.0, other)))).warnings
    ends = {said.partition("takes all of it")[2] for said in told if "can never be reached" in said}
    assert ends == {"", ", and says the contrary", ", and says otherwise"}
    for said in told:
        assert retold.WARNING.find(said) == said


@pytest.mark.parametrize("place", WRITTEN)
def test_all_that_a_package_writes_is_known(place: str) -> None:
    """Whoever changes a sentence there changes it in review/web/pages/retold.py too."""
    book, within = WRITTEN[place]
    written = [
        said for node in _places(ast.parse((PACKAGE / place.strip()).read_text()), within) for said in _texts(node)
    ]
    assert written, "it is written elsewhere now"
    assert [said for said in written if book.find(said.removeprefix("could not: ")) is None] == []


def test_it_is_said_in_the_language_of_the_page_and_else_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_installed", install(tmp_path))
    arrived = (
        "It arrived Wednesday 23 December 2026 16:50 (Europe/Berlin); 40 min of that day counted, Saturday and Sunday "
        "are closed, Friday 25 December is closed: Christmas Day, 2 more days are closed, "
        "so it is due Monday 4 January 2027 09:40."
    )
    written = [arrived, "closed: Sunday", "closed: a day named as closed", "open 09:00-12:00 and 13:00-17:00"]
    older = "It was due when it was due."
    with catalogue.speaking("qps"):
        assert [line for said in written for line in unmarked(retold.clock(said))] == []
        assert "Christmas Day" in retold.clock(arrived)
        assert (retold.clock(older), retold.outcome("")) == (older, "")
        failed = "tried 10 times, the last with: timed out after 15 s, sending the request"
        assert retold.outcome(failed).startswith("[tríéd 10 tíméš, thé lášt wíth: [tíméd óút áftér 15 š")
        done = ["notified lee@example.com", "could not: move it to x: everybody there has had part in it"]
        assert unmarked(ladders.told(done).replace(". ", "")) == []
        assert retold.LOST.tell("the lease has ended") == marked("the lease has ended")
    assert retold.clock(arrived) == arrived


def test_public_holidays_are_called_what_they_are_in_the_language_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the library that knows them; where it has none of that language, the name stays what it is in English."""
    install(tmp_path)
    for tag in ("de", "de_AT", "uk"):
        copytree(tmp_path / "qps", tmp_path / tag)
    monkeypatch.setattr(catalogue, "_installed", Languages(tmp_path))
    berlin = Calendar(name="berlin", timezone="Europe/Berlin", week=((),) * 7, holidays=("DE-BE",))
    closed = "closed: Christmas Day"
    for tag, said in (("de", "Erster Weihnachtstag"), ("de-at", "Erster Weihnachtstag"), ("uk", "Перший день Різдва")):
        with catalogue.speaking(tag):
            assert retold.clock(closed, [berlin]) == marked("closed: %(closed_for)s") % {"closed_for": said}
    with catalogue.speaking("he"):
        assert "Christmas Day" in retold.clock(closed, [berlin])
    with catalogue.speaking("de"):
        assert "Christmas Day" in retold.clock(closed), "no calendar with holidays"
    year = utc_now().year
    for region, tag in (("DE-BE", "de"), ("BR", "pt-br"), ("CA-QC", "fr"), ("IL", "he")):
        names = regions.names_in(region, tag, year)
        assert {*regions.holidays_of(region, year).values()} <= {*names}, region


def _places(tree: ast.Module, within: frozenset[str]) -> Iterator[ast.expr]:
    """Find the expressions that are given these names, added to them, given to them or returned by them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if within & {_name(each) for target in targets for each in _each(target)}:
                yield node.value
        elif isinstance(node, ast.Call):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            if {_name(node.func), _name(owner)} & within:
                yield from node.args
            yield from (given.value for given in node.keywords if given.arg in within)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in within:
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _each(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, ast.Tuple) else [target]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr) -> Iterator[str]:
    """Give the sentences that an expression may be, with something in each gap."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_said(node.value):
        yield GAP.sub(lambda gap: "reject" if gap[1] == "verdict" else "1", node.value)
    elif isinstance(node, ast.JoinedStr):
        texts = [""]
        for part in node.values:
            fillings = [part.value] if isinstance(part, ast.Constant) else _fillings(part)
            texts = [text + str(filling) for text in texts for filling in fillings]
        yield from filter(_is_said, texts)
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and not isinstance(node, ast.JoinedStr | ast.Compare):
                yield from _texts(child)


def _is_said(text: str) -> bool:
    return " " in text and any(letter.isalpha() for letter in text)


def _fillings(part: ast.expr) -> list[str]:
    if not isinstance(part, ast.FormattedValue):
        return ["1"]
    code = ast.unparse(part.value)
    if code == "what":
        return ["notify", "page"]
    if isinstance(part.value, ast.IfExp):
        return [*_texts_of(part.value.body), *_texts_of(part.value.orelse)]
    return [FILLED.get(code, "1")]


def _texts_of(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else ["1"]
