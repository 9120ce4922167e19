"""What is sensitive and how much of it one person sees, as a document says it; every fault with its line."""

import pytest

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.plans import compare
from review.configuration.rules import ProjectConfig, compile_config
from review.configuration.sensitivity import VeilDefaults
from review.items.types import ExposureLimit
from review.queueing.exposure_rules import Quota, counted_types, quotas_of

DOCUMENT = """project: p
item_types:
  t: {input_schema: true, output_schema: true, %s}
  plain: {input_schema: true, output_schema: true}
pools: {x: {}}
rules: []
%s
"""


def compiled(of_type: str = "title: T", below: str = "") -> ProjectConfig:
    return compile_config(parse(DOCUMENT % (of_type, below)))


def test_nothing_is_sensitive_or_limited_unless_said() -> None:
    config = compiled()
    assert not config.item_types["t"].is_sensitive
    assert config.veil == VeilDefaults(blur=True, greyscale=True, mute=True)
    assert (counted_types(config), quotas_of(config)) == (frozenset(), [])


def test_what_is_said_is_read() -> None:
    config = compiled("sensitive: media, exposure: {per_hour: 3}", "veil: {blur: false}\nexposure: {per_day: 9}")
    assert config.item_types["t"].sensitive == "media"
    assert config.veil == VeilDefaults(blur=False)
    only = frozenset({"t"})
    assert quotas_of(config) == [Quota(only, ExposureLimit(per_hour=3)), Quota(only, ExposureLimit(per_day=9))]
    assert counted_types(config) == only


def test_a_limit_without_anything_sensitive_counts_that_type_alone() -> None:
    config = compiled("exposure: {per_hour: 3, per_day: 3}")
    assert counted_types(config) == {"t"}
    assert compiled("sensitive: 'off'").item_types["t"].sensitive == "off"
    assert not compiled("sensitive: off").item_types["t"].is_sensitive, "no is text here, and so is off"


@pytest.mark.parametrize(
    ("of_type", "below", "line", "path", "said"),
    [
        ("sensitive: texts", "", 3, "item_types.t.sensitive", "did you mean `text`"),
        ("sensitive: true", "", 3, "item_types.t.sensitive", "no kind of sensitive content"),
        ("exposure: 30", "", 3, "item_types.t.exposure", "`per_hour`, `per_day`, or both"),
        ("exposure: {}", "", 3, "item_types.t.exposure", "`per_hour`, `per_day`, or both"),
        ("exposure: {per_week: 3}", "", 3, "item_types.t.exposure.per_week", "is unknown"),
        ("exposure: {per_hour: 0}", "", 3, "item_types.t.exposure.per_hour", "from 1 to 1000"),
        ("exposure: {per_hour: true}", "", 3, "item_types.t.exposure.per_hour", "whole number"),
        ("exposure: {per_day: 1.5}", "", 3, "item_types.t.exposure.per_day", "whole number"),
        ("exposure: {per_hour: 9, per_day: 3}", "", 3, "item_types.t.exposure.per_day", "less than `per_hour`"),
        ("title: T", "exposure: {per_hour: 3}", 7, "exposure", "no item type is `sensitive`"),
        ("title: T", "veil: {blurred: true}", 7, "veil.blurred", "is unknown"),
        ("title: T", "veil: {blur: 1}", 7, "veil.blur", "true or false"),
        ("title: T", "veil: grey", 7, "veil", "must map names"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(of_type: str, below: str, line: int, path: str, said: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(of_type, below)
    (fault,) = refused.value.faults
    assert (fault.line, fault.path) == (line, path)
    assert said in fault.message


def test_a_plan_tells_what_changes_of_it() -> None:
    before = parse(DOCUMENT % ("sensitive: text", "")).data
    after = parse(DOCUMENT % ("sensitive: all", "veil: {blur: false}\nexposure: {per_day: 9}")).data
    said = [str(each) for each in compare(before, after)]
    assert said == ["~ item type t (sensitive)", "~ project veil", "~ project exposure"]
