"""Sentences: plain English to programs, and what they were put together from to whoever says them again."""

from gettext import NullTranslations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import Sentence, either, number, say, say_n


class German(NullTranslations):
    """A few words, in another order than the English, and with a plural of its own."""

    WORDS = {  # noqa: RUF012  # a constant of a test
        "Nothing waits in %(pool)s.": "In %(pool)s wartet nichts.",
        "the pool %(name)s": "dem Pool %(name)s",
        "%(this)s or %(that)s": "%(this)s oder %(that)s",
        "%(thousands)s,%(rest)s": "%(thousands)s.%(rest)s",
        "%(whole)s.%(decimals)s": "%(whole)s,%(decimals)s",
        "has over %(most)s entries": "hat mehr als %(most)s Einträge",
    }

    def gettext(self, message: str) -> str:
        return self.WORDS.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002  # as gettext names them
        return "ein Fehler" if n == 1 else "%(num)s Fehler"


def test_a_sentence_is_said_again_in_another_order() -> None:
    sentence = say("Nothing waits in %(pool)s.", pool=say("the pool %(name)s", name="triage"))
    assert sentence == "Nothing waits in the pool triage."
    assert sentence.by(German()) == "In dem Pool triage wartet nichts."
    assert sentence.by(NullTranslations()) == sentence


@given(st.text(), st.integers())
def test_what_a_sentence_names_is_taken_as_it_is(text: str, number: int) -> None:
    sentence = say("%(text)s: %(number)s, 100 %%", text=text, number=number)
    assert sentence == f"{text}: {number}, 100 %"
    assert sentence.by(NullTranslations()) == sentence


@pytest.mark.parametrize(("count", "english", "german"), [(1, "1 fault", "ein Fehler"), (2, "2 faults", "2 Fehler")])
def test_a_number_chooses_the_form(count: int, english: str, german: str) -> None:
    sentence = say_n("%(num)s fault", "%(num)s faults", count)
    assert (str(sentence), sentence.by(German())) == (english, german)


@pytest.mark.parametrize(
    ("most", "english", "german"),
    [
        (number(2_000_000), "2,000,000", "2.000.000"),
        (number(1234.56, ",.1f"), "1,234.6", "1.234,6"),
        (number(0.25, ".4g"), "0.25", "0,25"),
        (number(999), "999", "999"),
    ],
)
def test_a_number_in_a_sentence_has_the_signs_of_the_language(most: str, english: str, german: str) -> None:
    sentence = say("has over %(most)s entries", most=most)
    assert sentence == f"has over {english} entries"
    assert sentence.by(German()) == f"hat mehr als {german} Einträge"


def test_several_of_which_any_will_do_are_one_sentence() -> None:
    names = either("approve", "correct", "reject")
    assert names == "approve or correct or reject"
    assert say("%(names)s", names=names).by(German()) == "approve oder correct oder reject"
    assert (either("approve"), either()) == ("approve", "")


def test_an_error_is_plain_text_to_all_but_pages() -> None:
    """What is encoded, logged or stored knows no sentences: msgspec would refuse them, and they are the contract's."""
    fault = FieldError("pool", say("is none of your pools"))
    refusal = Invalid(say("Nothing waits in %(pool)s.", pool="triage"), errors=(fault,))
    assert {type(each) for each in (fault.message, refusal.message, str(refusal), *refusal.args)} == {str}
    assert {type(each) for each in (fault.sentence, refusal.sentence)} == {Sentence}
    assert msgspec.json.encode(refusal.errors) == b'[{"path":"pool","message":"is none of your pools"}]'
    assert fault == FieldError("pool", "is none of your pools")
    assert msgspec.json.decode(msgspec.json.encode(fault), type=FieldError).sentence == fault.message
