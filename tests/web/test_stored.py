"""What was stored in English with what it ended is said in the language of the page; what is not known is marked."""

import msgspec
import pytest
from litestar.exceptions import HTTPException, ValidationException

from review.decisions.rules import Verdict
from review.items.types import ItemType, compile_schema
from review.kernel import catalogue
from review.kernel.catalogue import Languages
from review.kernel.foreign import English
from review.kernel.resources import static_dir, templates_dir
from review.kernel.sentences import say
from review.reviewing.rules import find_faults
from review.reviewing.schemas import JudgementIn
from review.routing.conditions import EvaluationFailed, compile_condition, facts_of
from review.web.errors import problem_of
from review.web.pages import stored
from review.web.pages.environment import build_environment
from review.web.pages.sentences import shown
from review.web.words.sentences import translated
from tests.web.left_over import left_over, unmarked
from tests.web.made_up import install, marked

SCHEMA = {
    "type": "object",
    "required": ["label", "note"],
    "additionalProperties": False,
    "properties": {"label": {"enum": ["a", "b"]}, "note": {"maxLength": 2}, "n": {"maximum": 3}},
}


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    return install(tmp_path_factory.mktemp("words"))


@pytest.fixture(autouse=True)
def _spoken(made_up: Languages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_installed", made_up)


def _faults(output: object) -> str:
    """Write what is wrong with a judgement as an act on many keeps it."""
    schema = compile_schema(SCHEMA)
    item_type = ItemType(
        name="t",
        version=1,
        title="T",
        input_schema=True,
        output_schema=SCHEMA,
        input_validator=schema,
        output_validator=schema,
    )
    submitted = JudgementIn(verdict=Verdict.CORRECT, output=output, reasons=("no_such",))
    return "; ".join(f"{each.path} {each.message}" for each in find_faults(item_type, {}, submitted))


def test_what_did_not_fit_a_judgement_is_said_fault_by_fault() -> None:
    kept = _faults({"label": "c", "n": 4, "note": "long", "more": 1})
    assert kept.count("; ") >= 4
    with catalogue.speaking("qps"):
        told = stored.unfit(kept)
        rest = unmarked(told.replace("; ", "\n"))
        assert {each.split()[0].partition("[")[0] for each in rest} == {
            "output",
            "output.label",
            "output.n",
            "output.note",
            "reasons",
        }
        assert marked("must be at most %(most)s") % {"most": 3} in told
        for unknown in ("Something that nobody says any more.", kept.replace("`b`", "`b; output.c is so`")):
            assert isinstance(stored.unfit(unknown), English), "all of it, rather than a part"
    assert stored.unfit(kept) == kept


def test_why_a_rule_could_not_be_evaluated_is_said_again() -> None:
    for source in ("item.input.n / 0 > 1", "item.input.gone == 'x'", "item.input.n", "double(item.input.s) > 1.0"):
        with pytest.raises(EvaluationFailed) as caught:
            compile_condition(source).holds(facts_of({"input": {"n": "4", "s": "x"}}, {"input": None}))
        with catalogue.speaking("qps"):
            assert unmarked(shown(stored.why_not(f"rule low: {caught.value}")).replace("low", "")) == []


def test_who_acted_is_named_where_nobody_did() -> None:
    with catalogue.speaking("qps"):
        assert stored.who("timer", "escalation policy ladder") == "[éšçálátíóñ pólíçý ladder]"
        assert stored.who("timer", "timer") == marked("timer")
        assert stored.who("user", "timer") == "timer", "somebody may be called so"


def test_a_record_of_left_out_feedback_is_said_reason_by_reason() -> None:
    kept = (
        "Of 12 records none is taken, so no snapshot was made "
        "(too little agreement, or none known: 7, another verdict: 5)."
    )
    with catalogue.speaking("qps"):
        assert unmarked(shown(stored.ended(kept))) == []
        assert marked("too little agreement, or none known") + ": 7" in shown(stored.ended(kept))
        assert isinstance(stored.ended("It failed as it never did."), English)
        assert unmarked(shown(stored.because("Guard error_rate: 0.5 on 12 items is above 0.1."))) == []
        assert stored.because("Ana’s own words") == "Ana’s own words"


def test_what_a_library_says_is_marked_as_english_on_a_page_in_another_language() -> None:
    page = build_environment(templates_dir(), static_dir()).from_string("<p>{{ told }}</p><p>{{ alone }}</p>")
    told = say("is no YAML: %(why)s", why=English("what <no> version said"))
    with catalogue.speaking("qps"):
        html = page.render(told=told, alone=English("as it was"))
        assert '<span lang="en" dir="ltr">what &lt;no&gt; version said</span>' in html
        assert left_over(html) == []
    assert page.render(told=told, alone="") == "<p>is no YAML: what &lt;no&gt; version said</p><p></p>"


def test_a_script_and_a_program_are_told_in_plain_text() -> None:
    fault = ValidationException(extra=[{"key": "limit", "message": "Expected `int`, got `str`"}])
    with catalogue.speaking("qps"):
        (told,) = problem_of(fault, translated).errors
        assert told.message == marked("Expected `%(kinds)s`, got `%(kind)s`") % {"kinds": "int", "kind": "str"}
        unknown = problem_of(HTTPException("What a framework says", status_code=418), translated)
    assert msgspec.json.decode(msgspec.json.encode(unknown))["detail"] == "What a framework says"
    (plain,) = problem_of(fault).errors
    assert plain.message == "Expected `int`, got `str`"
