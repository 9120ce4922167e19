"""What a message says, in which order, and what hostile text cannot do in it."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.delivery.notifications.mail import compose
from review.delivery.notifications.messages import MOST_ENTRIES, MOST_SUBJECT, one_line, write
from review.delivery.notifications.schemas import Facts, Kind, Message, Told
from review.delivery.notifications.sending import SendFailed
from review.kernel import catalogue
from tests.make import BASE_URL
from tests.web.left_over import unmarked
from tests.web.made_up import install

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SENDER = "Countersign <noreply@review.example>"


def notice(kind: Kind = Kind.SLA_WARNING, *, due: int | None = 50, age: int = 0, **facts: str) -> Told:
    return Told(
        id=uuid4(),
        attempts=1,
        kind=kind,
        item_id=uuid4(),
        facts=Facts(
            project="support",
            happened_at=NOW - timedelta(minutes=age),
            due_at=None if due is None else NOW + timedelta(minutes=due),
            **{"title": "Ticket", **facts},
        ),
        created_at=NOW,
    )


def said(*notices: Told, timezone: str = "UTC") -> Message:
    return write(notices, base_url=BASE_URL, now=NOW, timezone=timezone)


@pytest.mark.parametrize(
    ("notices", "subject"),
    [
        ([notice(external_id="m1")], "Due soon: Ticket m1"),
        ([notice() for _ in range(7)], "7 items due within the hour"),
        ([notice(), notice(due=61)], "2 due soon"),
        ([notice(due=None), notice()], "2 due soon"),
        ([notice(Kind.MENTIONED), notice(Kind.SLA_BREACHED), notice(Kind.MENTIONED)], "1 overdue, 2 mentions"),
        ([notice(Kind.SLA_BREACHED, target="first_claim")], "Not taken in time: Ticket"),
        ([notice(Kind.MENTIONED, by="Ana")], "Ana mentioned you: Ticket"),
        ([notice(Kind.ASSIGNED, title="")], "New: An item"),
        ([notice(Kind.MODEL_SEEN, title="m 7", target="waiting")], "Waits to be cleared: m 7"),
        ([notice(Kind.MODEL_SEEN, title="m 7"), notice(Kind.MODEL_SEEN)], "2 new model versions"),
    ],
)
def test_the_subject_says_what_there_is(notices: list[Told], subject: str) -> None:
    assert said(*notices).subject == f"[support] {subject}"


def test_the_pressing_comes_first_and_of_that_the_newest() -> None:
    kinds = [(Kind.MENTIONED, 0), (Kind.SLA_WARNING, 0), (Kind.SLA_BREACHED, 30), (Kind.SLA_BREACHED, 5)]
    notices = [notice(kind, age=age, external_id=f"n{at}") for at, (kind, age) in enumerate(kinds)]
    heads = [line for line in said(*notices).text.splitlines() if line and not line.startswith(" ")]
    assert heads[:4] == [
        "Overdue: Ticket n3",
        "Overdue: Ticket n2",
        "Due soon: Ticket n1",
        "somebody mentioned you: Ticket n0",
    ]


def test_every_entry_links_to_its_item_and_an_escalation_to_its_answer() -> None:
    told = notice(Kind.ESCALATED, pool="Triage", reason="legal threat", by="ana@example.com")
    link = f"{BASE_URL}/p/support/items/{told.item_id}"
    assert said(told, timezone="Europe/Berlin").text.splitlines()[:4] == [
        "Escalated: Ticket",
        "  In Triage. Due 20 November 2026, 13:50 Europe/Berlin. Because: legal threat, says ana@example.com.",
        f"  {link}",
        f"  I have seen it: {link}/acknowledge",
    ]
    assert "acknowledge" not in said(notice()).text


def test_a_message_is_in_the_language_that_is_written_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 5, point 7: words from one catalogue; what is left outside of its sentences are links."""
    monkeypatch.setattr(catalogue, "_installed", install(tmp_path))
    every = [notice(kind, title="7", pool="8", reason="9", by="0") for kind in Kind]
    notices = [*every, notice(title=""), notice(Kind.SLA_BREACHED, target="first_claim", due=None, title="1")]
    with catalogue.speaking("qps"):
        for some in (notices, notices * 5, [notices[0]], [notices[4]], [notices[4]] * 2):
            message = said(*some)
            links = [line for line in unmarked(message.text) if not line.startswith(BASE_URL)]
            assert links == []
            if len(message.subject) < MOST_SUBJECT:  # a longer one is cut within its last sentence
                assert unmarked(message.subject.removeprefix("[support] ")) == []
        assert (
            "[20 [Nóvémbér] 2026, [1:50 PM] Europe/Berlin]"
            in write(notices, base_url=BASE_URL, now=NOW, timezone="Europe/Berlin", hours=12).text
        )
    with catalogue.speaking("tlh"):  # which is not installed
        assert said(notice()).subject == "[support] Due soon: Ticket"


def test_a_message_is_never_longer_than_its_bound() -> None:
    text = said(*[notice(reason="x" * 300) for _ in range(200)]).text
    assert f"And {200 - MOST_ENTRIES} more: {BASE_URL}/p/support" in text
    assert len(text) < 40_000


def test_hostile_text_shows_what_it_hides() -> None:
    nasty = "a\r\nBcc: victim@example.com\u202e\u200b\x1b[2J\0"
    message = said(notice(external_id=nasty))
    assert message.subject == "[support] Due soon: Ticket a  Bcc: victim@example.com[U+202E][U+200B][U+001B][2J[U+0000]"
    assert "\nBcc" not in message.text
    assert one_line("@everyone (@here) ana@example.com") == "@ everyone (@ here) ana@example.com"


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_text_of_upstream_makes_a_header_or_a_recipient(text: str) -> None:
    told = notice(Kind.ESCALATED, external_id=text, title=text, by=text, reason=text, pool=text)
    letter = compose("ana@example.com", said(told), sender=SENDER, reference="r", base_url=BASE_URL)
    parsed = message_from_bytes(letter.as_bytes())
    assert set(parsed.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "List-Id",
        "List-Unsubscribe", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip  # one line each
    assert parsed["To"] == "ana@example.com"
    assert all(len(line) <= 998 for line in letter.as_bytes().split(b"\r\n"))


@pytest.mark.parametrize(
    "address", ["ana@example.com\r\nBcc: x@y.example", "", "no address", "a@b, c@d", "a@b.example>"]
)
def test_an_address_that_is_none_is_refused_for_good(address: str) -> None:
    with pytest.raises(SendFailed) as failed:
        compose(address, Message("support", "s", "t"), sender=SENDER, reference="r", base_url=BASE_URL)
    assert failed.value.is_final
