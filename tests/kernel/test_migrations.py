"""Whether a database is far enough for the program that asks."""

from review.kernel.migrations import Migrations


def test_a_database_is_behind_before_the_newest_revision_and_never_after_it() -> None:
    known = Migrations(frozenset({"0001", "0002"}), "0002")
    assert known.is_behind(None)
    assert known.is_behind("0001")
    assert not known.is_behind("0002")
    assert not known.is_behind("0003")


def test_the_program_comes_with_its_revisions() -> None:
    assert Migrations.load().is_behind(None)
    assert not Migrations.load().is_behind("a revision of a later program")
