"""Letters to one person about their own account: sent at once, kept nowhere, for they carry a secret."""

import logging

from review.delivery.notifications.mail import Mail
from review.delivery.notifications.schemas import Message
from review.delivery.notifications.sending import SendFailed
from review.kernel.catalogue import gettext
from review.kernel.ids import new_id
from review.kernel.settings import Settings

log = logging.getLogger(__name__)


def is_mail_set(settings: Settings) -> bool:
    """Tell whether letters can be sent at all."""
    return bool(settings.smtp_url and settings.smtp_sender)


async def send_password_link(settings: Settings, *, address: str, url: str, minutes: int) -> bool:
    """Send somebody the link to a new password that was asked for; tells whether the mail server took it.

    It is in the language that is written in: that of the page on which it was asked for.
    """
    text = gettext(
        "Somebody, probably you, asked for a new password for %(address)s.\n\n"
        "Choose one here within %(minutes)s minutes; the link works once:\n%(url)s\n\n"
        "If it was not you, do nothing: your password stays as it is.\n",
        address=address,
        minutes=minutes,
        url=url,
    )
    mail = Mail(settings)
    try:
        await mail.send(address, Message("", gettext("Choose a new password for Countersign"), text), str(new_id()))
    except SendFailed as fault:
        log.warning("a link to a new password could not be mailed: %s", fault)
        return False
    finally:
        mail.close()
    return True
