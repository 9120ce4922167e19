"""The keys that limit judgement: every fault with its line, and what will not happen as a warning."""

import pytest

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.plans import compare
from review.configuration.rules import ProjectConfig, compile_config
from tests import limited


def compiled(source: str) -> ProjectConfig:
    return compile_config(parse(source))


GOOD = limited.CONFIG.format(project="p")
TYPE = """project: p
item_types:
  t:
    input_schema: true
    output_schema: {}
    {}
pools: {{x: {{}}}}
rules: []
"""
CLOSED = "{properties: {amount: {type: number}}}"


def faults(key: str, schema: str = "true") -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(TYPE.format(schema, key))
    return [(fault.line, fault.path, fault.message) for fault in refused.value.faults]


def test_the_limits_are_read() -> None:
    config = compiled(GOOD)
    refund, match, note = (config.item_types[name] for name in ("refund", "match", "note"))
    assert (refund.lead_pool, refund.relations) == ("seniors", ("metadata.author", "input.team.email"))
    assert refund.needs_lead.startswith("review.verdict")
    assert (match.two_person, refund.two_person) == (True, False)
    assert (note.shows_answers, refund.shows_answers) == (True, False)
    assert (config.pools["triage"].verdicts, config.pools["any"].verdicts) == (
        ("approve", "correct"),
        ("approve", "correct", "reject"),
    )


@pytest.mark.parametrize(
    ("key", "path", "said"),
    [
        ("needs_lead: 'review.verdict == \"reject\"'", "needs_lead", "needs `lead_pool`"),
        ("needs_lead: 'review.outptu == 1'\n    lead_pool: x", "needs_lead", "did you mean `output`"),
        ("needs_lead: 'reviews.output == 1'\n    lead_pool: x", "needs_lead", "`item` and `review`"),
        ("needs_lead: 'review.output.amont > 1'\n    lead_pool: x", "needs_lead", "did you mean `amount`"),
        ("needs_lead: 5\n    lead_pool: x", "needs_lead", "must be a condition"),
        ("needs_lead: '1 +'\n    lead_pool: x", "needs_lead", "is no CEL"),
        ("needs_lead: 'true'\n    lead_pool: y", "lead_pool", "is no pool"),
        ("lead_pool: x", "lead_pool", "without `needs_lead`"),
        ("two_person: 2", "two_person", "true or false"),
        ("adjudication: openly", "adjudication", "way to adjudicate; did you mean `open`"),
        ("relations: [author]", "relations[0]", "must be a path below"),
        ("relations: [metadata.]", "relations[0]", "must be a path below"),
        ("relations: [output.amont]", "relations[0]", "did you mean `amount`"),
        ("relations: 5", "relations", "must"),
        ("relations: {a: b}", "relations", "must"),
    ],
)
def test_each_fault_has_its_line(key: str, path: str, said: str) -> None:
    found = faults(key, CLOSED)
    assert len(found) == 1
    line, where, message = found[0]
    assert where == f"item_types.t.{path}"
    assert said in message
    assert line in {6, 7}


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [("[]", "is empty"), ("[aprove]", "did you mean `approve`"), ("approve", "must"), ("[approve, approve]", "twice")],
)
def test_faults_of_a_pools_verdicts_have_their_line(verdicts: str, said: str) -> None:
    source = f"project: p\nitem_types: {{}}\npools:\n  x:\n    verdicts: {verdicts}\nrules: []\n"
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(source)
    assert said in refused.value.faults[0].message
    assert refused.value.faults[0].line == 5


def test_what_a_rule_or_a_ladder_may_not_do_with_two_person_types_is_said_with_its_line() -> None:
    warnings = compiled(GOOD).warnings
    assert len(warnings) == 3
    assert [warning.partition(": ")[2].partition(":")[0] for warning in warnings] == [
        "rules[3].then",
        "rules[4].then",
        "escalation_policies.steps[0].decide",
    ]
    assert all("match" in warning and "two people decide" in warning for warning in warnings)
    elsewhere = GOOD.replace("'item.confidence != null &&", '\'item.type == "refund" && item.confidence != null &&')
    assert len(compiled(elsewhere).warnings) == 2
    assert compiled(GOOD.replace("two_person: true", "two_person: false")).warnings == ()


def test_a_plan_names_what_limits_change() -> None:
    before, after = parse(GOOD), parse(GOOD.replace("[approve, correct]", "[approve]").replace("500", "700"))
    told = [str(each) for each in compare(before.data, after.data)]
    assert told == ["~ item type refund (needs_lead)", "~ pool triage (verdicts)"]
