"""The top row of links: short for everybody, with the rest in a menu, and a letter for each."""

import pytest

from review.identity.rules import Permission, Principal, Role, permissions_of
from review.kernel.ids import new_id
from review.web.pages import places


def somebody(role: Role, permissions: frozenset[Permission] | None = None) -> Principal:
    carried = permissions_of(role, None, None) if permissions is None else permissions
    person = {"kind": "user", "id": new_id(), "name": "ada", "email": "ada@example.com", "role": role.value}
    return Principal(project_id=new_id(), project="support", permissions=carried, config_version=1, **person)  # type: ignore[arg-type]  # texts and an id


def test_whoever_may_see_everything_has_a_row_that_fits_and_a_letter_for_each() -> None:
    shown = places.links_for(somebody(Role.ADMIN, frozenset(Permission)))
    assert len([each for each in shown if not each.is_seldom]) <= places.MOST_IN_BAR
    letters = [each.letter for each in shown]
    assert all(letters)
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.LEAD, Role.ADMIN])
def test_whoever_judges_finds_the_queue_first_and_in_the_row(role: Role) -> None:
    first = places.links_for(somebody(role))[0]
    assert (first.title, first.is_seldom) == ("Queue", False)
