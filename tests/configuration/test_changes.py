"""What two versions differ in, in values and in lines."""

from hypothesis import given
from hypothesis import strategies as st

from review.configuration.changes import ValueChange, lines, tell
from review.configuration.document import parse
from tests.make import CONFIG

SOURCE = CONFIG.format(project="support")
BEFORE = parse(SOURCE).data


def values(source: str) -> dict[str, tuple[ValueChange, ...]]:
    return {str(each.difference): each.values for each in tell(BEFORE, parse(source).data)}


def test_a_condition_that_changed_is_told_with_what_it_was_and_is() -> None:
    told = values(SOURCE.replace("item.confidence < 0.8", "item.confidence < 0.9"))
    assert told == {
        "~ rule low-confidence (when)": (ValueChange("when", '"item.confidence < 0.8"', '"item.confidence < 0.9"'),)
    }


def test_what_is_new_stands_for_itself_and_orders_are_told_by_name() -> None:
    more = "rules:\n  - {name: first, when: 'true', sample: 0.5, then: {approve: true}}"
    told = values(SOURCE.replace("rules:", more))
    assert told == {"+ rule first": ()}
    data = parse(SOURCE).data
    turned = data | {"rules": data["rules"][::-1]}
    (order,) = [each.values for each in tell(data, turned) if each.difference.kind == "rules"]
    names = [each["name"] for each in data["rules"]]
    assert len(names) > 1
    assert order[0].before is not None
    assert all(name in order[0].before for name in names)


def test_a_title_and_a_pool_are_told_by_their_path() -> None:
    told = values(SOURCE.replace("project: support", "project: support\ntitle: Help"))
    assert told == {"~ project title": (ValueChange("title", None, '"Help"'),)}


@given(
    st.lists(st.sampled_from(["a", "b", "c", "", "  d"]), max_size=12),
    st.lists(st.sampled_from(["a", "b", "c", "", "  d"]), max_size=12),
)
def test_the_lines_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    found = lines("\n".join(old), "\n".join(new))
    before, after = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    assert bool(found) == (before != after)
    assert sum(each.sign == "added" for each in found) - sum(each.sign == "removed" for each in found) == len(
        after
    ) - len(before)
    for hidden, text in (("added", before), ("removed", after)):
        rest = iter(text)
        assert all(line in rest for line in (each.text for each in found if each.sign not in {hidden, "gap"}))
