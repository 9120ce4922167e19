"""A letter about somebody's account: to them alone, with the link, and of no project."""

import pytest

from review.delivery.notifications.letters import is_mail_set, send_password_link
from review.kernel.settings import Settings
from tests.delivery.notifications.receivers import mail_server

URL = "https://review.example.com/choose-password/secret"


async def test_a_link_is_mailed_to_its_person() -> None:
    async with mail_server() as server:
        settings = Settings(smtp_url=f"smtp://127.0.0.1:{server.port}", smtp_sender="countersign@example.com")
        assert is_mail_set(settings)
        assert await send_password_link(settings, address="nora@example.com", url=URL, minutes=60)
        (letter,) = server.letters
    body = letter.get_content()
    assert letter["To"] == "nora@example.com"
    assert URL in body
    assert "within 60 minutes" in body
    assert letter["List-Id"] is None


async def test_a_mail_server_that_is_away_is_told_of_in_the_log_without_the_link(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(smtp_url="smtp://127.0.0.1:1", smtp_sender="countersign@example.com")
    assert not await send_password_link(settings, address="nora@example.com", url=URL, minutes=60)
    assert "could not be mailed" in caplog.text
    assert "secret" not in caplog.text
