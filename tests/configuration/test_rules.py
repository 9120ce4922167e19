"""From a document to a configuration: every fault at once, each in its place, and never a crash."""

import copy
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.sla.rules import Target

GOOD = """\
project: support
title: Support desk
item_types:
  ticket_intent:
    title: Ticket intent
    input_schema: {type: object, required: [text], properties: {text: {type: string}, amount: {type: number}}}
    output_schema: {type: object, required: [label], properties: {label: {enum: [card_arrival, no]}}}
    reasons: [wrong_label, ambiguous]
    guidelines: Choose the intent the customer would choose.
    view: {input.text: text, output.label: choice}
pools:
  triage: {lease: 10m, members: [Ana@Example.com, ana@example.com, ben@example.com]}
  seniors: {lease: 20m, title: Senior reviewers}
rules:
  - {name: vip,            when: '"vip" in item.tags',    then: {review: seniors, priority: 80}}
  - {name: low-confidence, when: 'item.confidence < 0.8', then: {review: triage, sla: standard}}
  - {name: panel,  when: 'item.input.amount > 1000', then: {review: triage, reviews: 3, adjudicate: seniors}}
  - {name: audit-sample,   when: 'true', sample: 0.02,    then: {review: triage, priority: 10}}
  - {name: rest,           when: true,                    then: {approve: true}}
sla_policies:
  standard: {decide: 4h}
"""


def compiled(source: str) -> ProjectConfig:
    return compile_config(parse(source))


def faults(source: str) -> list[ConfigError]:
    with pytest.raises(ConfigurationInvalid) as caught:
        compiled(source)
    return caught.value.faults


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_whole_configuration() -> None:
    config = compile_config(parse(GOOD), Versions(4, 3, {"ticket_intent": 2}))
    assert (config.project, config.title, config.version, config.default_pool) == (
        "support",
        "Support desk",
        4,
        "triage",
    )
    kind = config.item_types["ticket_intent"]
    assert (kind.version, kind.title, kind.reasons) == (2, "Ticket intent", ("wrong_label", "ambiguous"))
    assert kind.check_output({"label": "no"}) == []
    assert config.pools["triage"].lease == timedelta(minutes=10)
    assert config.pools["triage"].members == ("ana@example.com", "ben@example.com")
    assert config.pools["seniors"].title == "Senior reviewers"
    assert config.sla_policies["standard"].decide == Target(timedelta(hours=4))
    vip, low, panel, sample, rest = config.ruleset.rules
    assert (vip.action, vip.pool, vip.priority, vip.reviews_required, vip.sla_policy) == (
        "review",
        "seniors",
        80,
        1,
        None,
    )
    assert (low.priority, low.sla_policy) == (50, "standard")
    assert (panel.reviews_required, panel.adjudicate_pool) == (3, "seniors")
    assert (sample.sample, rest.action, rest.pool) == (0.02, "approve", None)
    assert config.ruleset.version == 3


def test_what_may_be_left_out() -> None:
    config = compiled("project: p\nitem_types: {}\npools: {one: , two: {}}\nrules: []\ndefault_pool: two\n")
    assert (config.title, config.default_pool) == ("p", "two")
    assert (config.pools["one"].title, config.pools["one"].lease) == ("one", timedelta(minutes=10))
    assert config.ruleset.rules == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "told", "at"),
    [
        ("project: support", "project: Support", "project", "must be a name", "project"),
        ("project: support\n", "", "", "`project` is missing", ""),
        ("title: Support desk", "titel: x", "titel", "did you mean `title`", "titel"),
        ("title: Support desk", "title: [x]", "title", "must be a text", "title"),
        ("title: Support desk", "default_pool: triag", "default_pool", "did you mean `triage`", "default_pool"),
        ("  ticket_intent:", "  Ticket Intent:", "item_types.Ticket Intent", "must be a name", "Ticket Intent"),
        (
            "text: {type: string}",
            "text: {type: strin}",
            "item_types.ticket_intent.input_schema.properties.text.type",
            "`strin` is not what the keyword takes",
            "type: strin",
        ),
        (
            "{type: object, required: [label]",
            "{$ref: 'https://a.b/c', required: [label]",
            "item_types.ticket_intent.output_schema",
            "schemas are never fetched",
            "output_schema",
        ),
        (
            "reasons: [wrong_label, ambiguous]",
            "reasons: [a, 5]",
            "item_types.ticket_intent.reasons[1]",
            "quote it",
            "5]",
        ),
        ("reasons: [wrong_label, ambiguous]", "reasons: [a, a]", "item_types.ticket_intent.reasons[1]", "twice", "a]"),
        (
            "input.text: text",
            "input.text: txt",
            "item_types.ticket_intent.view.input.text",
            "did you mean `text`",
            "input.text",
        ),
        (
            "input.text: text",
            "input.txt: text",
            "item_types.ticket_intent.view.input.txt",
            "did you mean `text`",
            "input.txt",
        ),
        ("input.text: text", "text: text", "item_types.ticket_intent.view.text", "must begin with", "text: text"),
        ("lease: 10m", "lease: 10", "pools.triage.lease", "write it like 30s", "lease: 10"),
        ("lease: 10m", "lease: 1s", "pools.triage.lease", "must be from 5s to 7d", "lease: 1s"),
        ("lease: 10m", "skills: [de]", "pools.triage.skills", "not supported yet in this version", "skills"),
        ("lease: 10m", "leese: 10m", "pools.triage.leese", "did you mean `lease`", "leese"),
        ("ben@example.com", "ben", "pools.triage.members[2]", "`ben` is no e-mail address", "ben]"),
        (
            "seniors: {lease: 20m, title: Senior reviewers}",
            "seniors: [x]",
            "pools.seniors",
            "must be a mapping",
            "seniors",
        ),
        ("decide: 4h", "decide: soon", "sla_policies.standard.decide", "write it like", "decide: soon"),
        ("decide: 4h", "decide: 4h, decided: 1", "sla_policies.standard.decided", "did you mean `decide`", "decided"),
        ("standard: {decide: 4h}", "standard: {}", "sla_policies.standard", "`decide` is missing", "standard: {}"),
        ("{approve: true}", "{approve: yes}", "rules[4].then.approve", "must be true", "approve"),
        ("{approve: true}", "{approve: true, reject: true}", "rules[4].then", "exactly one of", "then"),
        ("{approve: true}", "{approve: true, priority: 5}", "rules[4].then.priority", "is unknown", "priority"),
        ("{approve: true}", "approve", "rules[4].then", "exactly one of", "then"),
        ("sample: 0.02", "sample: 2", "rules[3].sample", "must be a share", "sample"),
        ("sample: 0.02", "sampel: 2", "rules[3].sampel", "did you mean `sample`", "sampel"),
        ("priority: 80", "priority: 101", "rules[0].then.priority", "from 0 to 100", "priority: 101"),
        ("priority: 80", "priority: +20%", "rules[0].then.priority", "must be a whole number", "priority"),
        ("reviews: 3", "reviews: 10", "rules[2].then.reviews", "from 1 to 9", "reviews"),
        (
            "adjudicate: seniors",
            "adjudicate: senior",
            "rules[2].then.adjudicate",
            "did you mean `seniors`",
            "adjudicate",
        ),
        ("{review: seniors,", "{review: senior,", "rules[0].then.review", "did you mean `seniors`", "review: senior"),
        ("sla: standard", "sla: fast", "rules[1].then.sla", "`fast` is no SLA policy; there is standard", "sla: fast"),
        (
            "name: vip",
            "name: rest",
            "rules[4].name",
            "is the name of an earlier rule",
            "name: rest,           when: true",
        ),
        ("name: vip", "nam: vip", "rules[0].nam", "did you mean `name`", "nam"),
        ("when: true", "when: 5", "rules[4].when", "must be a condition in CEL", "when: 5"),
        ("item.confidence < 0.8", "item.confidense < 0.8", "rules[1].when", "did you mean `confidence`", "confidense"),
        ("item.confidence < 0.8", "item.confidence < ", "rules[1].when", "mismatched input the end", "',"),
        (
            "item.confidence < 0.8",
            'item.input.txt == ""',
            "rules[1].when",
            "no item type's schema has `input.txt`",
            "input.txt",
        ),
        ("item.confidence < 0.8", "has(item.output.lable)", "rules[1].when", "did you mean `label`", "output.lable"),
        (
            "item.confidence < 0.8",
            'item.type == "ticket_intend"',
            "rules[1].when",
            "did you mean `ticket_intent`",
            '"ticket_intend"',
        ),
    ],
)
def test_a_fault_names_path_line_and_what_to_do(old: str, new: str, path: str, told: str, at: str) -> None:
    source = edited(old, new)
    matching = [fault for fault in faults(source) if fault.path == path and told in fault.message]
    assert matching, [str(fault) for fault in faults(source)]
    line = source.splitlines()[matching[0].line - 1]
    assert line[matching[0].column - 1 :].startswith(at)


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    source = (
        edited("priority: 80", "priority: 800").replace("lease: 20m", "lease: x").replace("decide: 4h", "decide: 0h")
    )
    found = faults(source)
    assert [fault.path for fault in found] == [
        "pools.seniors.lease",
        "rules[0].then.priority",
        "sla_policies.standard.decide",
    ]


def test_pools_cannot_be_empty() -> None:
    found = faults("project: p\nitem_types: {}\npools: {}\nrules: []\n")
    assert [fault.path for fault in found] == ["pools"]


@pytest.mark.parametrize(
    "schema",
    [
        "true",
        "{type: object}",
        "{properties: {text: {}}, additionalProperties: true}",
        "{properties: {text: {}}, patternProperties: {'^x': {}}}",
        "{properties: {text: {}}, anyOf: [{properties: {sender: {}}}]}",
        "{$ref: '#/$defs/a', properties: {text: {}}, $defs: {a: {}}}",
        "{properties: {text: {}, sender: {}}, additionalProperties: false}",
        "{properties: {text: {}, sender: {type: object}}}",
    ],
)
def test_a_field_that_some_item_could_have_is_allowed(schema: str) -> None:
    whole = "{type: object, required: [text], properties: {text: {type: string}, amount: {type: number}}}"
    source = edited(whole, schema).replace("item.input.amount > 1000", 'item.input.sender.name == "x"')
    assert len(compiled(source).ruleset.rules) == 5


def test_a_field_that_one_of_two_types_has_is_allowed() -> None:
    other = "  other: {input_schema: {properties: {sender: {}}}, output_schema: true}\npools:\n"
    source = edited("pools:\n", other).replace("item.input.amount > 1000", 'item.input.sender == "x"')
    assert len(compiled(source).ruleset.rules) == 5
    assert faults(source.replace("item.input.sender", "item.input.sendr"))[0].path == "rules[2].when"


def test_a_long_rule_set_compiles() -> None:
    rules = [{"name": f"r{n}", "when": f"item.confidence < 0.{n:04}", "then": {"review": "a"}} for n in range(2_000)]
    data: dict[str, Any] = {"project": "p", "item_types": {}, "pools": {"a": {}}, "rules": rules}
    assert len(compiled(msgspec.json.encode(data).decode()).ruleset.rules) == 2_000
    data["rules"] = rules * 2
    assert faults(msgspec.json.encode(data).decode())[0].message.startswith("must be a list of at most 2000 rules")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-2, 2)
    | st.sampled_from(["", "x", "true", "10m", "triage"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "type", "review"]), inner)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


WHOLE = parse(GOOD).data


@given(st.sampled_from(places(WHOLE)[1:]), JSON_VALUES)
def test_any_value_anywhere_is_taken_or_refused_with_a_place(place: tuple[Any, ...], value: Any) -> None:
    data = copy.deepcopy(WHOLE)
    holder: Any = data
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    source = msgspec.json.encode(data).decode()
    try:
        assert compiled(source).default_pool
    except ConfigurationInvalid as refusal:
        told = [fault for fault in refusal.faults if fault.line == 1 and fault.column > 0 and fault.message]
        assert told == refusal.faults  # noqa: PT017  both outcomes are right, each in its own way
