"""Sending mail by plain SMTP, in threads with deadlines."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

from review.delivery.notifications.messages import one_line
from review.delivery.notifications.schemas import Message
from review.delivery.notifications.sending import SendFailed
from review.kernel.hosts import is_loopback
from review.kernel.settings import Settings

THREADS = 8
STEP_SECONDS = 10.0  # for each answer of the server
SEND_WITHIN_SECONDS = 30.0  # for all of them
PORTS = {"smtp": 25, "smtps": 465}


class Mail:
    """The way to the operator's mail server; a connection for each mail, so that none outlives a restart of it."""

    def __init__(self, settings: Settings, *, within_seconds: float = SEND_WITHIN_SECONDS) -> None:
        self._server = urlsplit(settings.smtp_url)
        self._sender = settings.smtp_sender
        self._base_url = settings.public_url
        self._within_seconds = within_seconds
        self._threads = ThreadPoolExecutor(THREADS, "mail")

    @property
    def is_set(self) -> bool:
        """Tell whether there is a mail server and an address to send from."""
        return bool(self._server.hostname and self._sender)

    async def send(self, address: str, message: Message, reference: str) -> None:
        """Send one mail to `address`.

        Raises:
            SendFailed: the server did not take it; for good where it refused the recipient for good.
        """
        letter = compose(address, message, sender=self._sender, reference=reference, base_url=self._base_url)
        line: list[socket.socket] = []
        sending = asyncio.get_running_loop().run_in_executor(self._threads, self._deliver, letter, address, line)
        try:
            await asyncio.wait_for(asyncio.shield(sending), self._within_seconds)
        except TimeoutError as fault:
            _hang_up(line)
            sending.add_done_callback(_forget)
            why = f"the mail server did not take it within {self._within_seconds:g} seconds"
            raise SendFailed(why) from fault

    def close(self) -> None:
        """Let the threads end; what hangs in one is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, letter: EmailMessage, address: str, line: list[socket.socket]) -> None:
        try:
            with self._connect() as server:
                if server.sock is not None:
                    line.append(server.sock)
                self._secure(server)
                if server.sock is not None:
                    line.append(server.sock)  # TLS has put another one in its place
                server.send_message(letter, parseaddr(self._sender)[1], [address])
        except smtplib.SMTPRecipientsRefused as fault:
            code = next(iter(fault.recipients.values()))[0] if fault.recipients else 0
            why = f"the mail server refused the recipient ({code})"
            raise SendFailed(why, is_final=500 <= code <= 599) from fault
        except (smtplib.SMTPNotSupportedError, UnicodeError) as fault:
            why = "the mail server cannot do what the address or the sign-in asks for"
            raise SendFailed(why, is_final=True) from fault
        except smtplib.SMTPResponseException as fault:
            why = f"the mail server answered {fault.smtp_code}"
            raise SendFailed(why) from fault
        except ssl.SSLError as fault:
            why = f"TLS with the mail server failed: {fault.reason or type(fault).__name__}"
            raise SendFailed(why) from fault
        except (OSError, smtplib.SMTPException) as fault:
            why = f"the mail server cannot be reached: {getattr(fault, 'strerror', None) or type(fault).__name__}"
            raise SendFailed(why) from fault

    def _connect(self) -> smtplib.SMTP:
        host, port = self._server.hostname or "", self._server.port or PORTS.get(self._server.scheme, 25)
        if self._server.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=STEP_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=STEP_SECONDS)

    def _secure(self, server: smtplib.SMTP) -> None:
        """Start TLS where it is offered, and sign in; a password never leaves this machine in the clear."""
        server.ehlo_or_helo_if_needed()
        is_secure = self._server.scheme == "smtps" or is_loopback(self._server.hostname or "")
        if not is_secure and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            is_secure = True
        if self._server.username:
            if not is_secure:
                why = "the mail server offers no TLS, so the password was not sent"
                raise SendFailed(why)
            server.login(unquote(self._server.username), unquote(self._server.password or ""))


def compose(address: str, message: Message, *, sender: str, reference: str, base_url: str) -> EmailMessage:
    """Make the mail: plain text, marked as sent by a machine, with one id at every attempt.

    Raises:
        SendFailed: the address cannot be written in a header, now or ever.
    """
    letter = EmailMessage(policy=SMTP)
    host = urlsplit(base_url).hostname or "localhost"
    project = message.project
    try:
        letter["From"] = sender
        letter["To"] = Address(addr_spec=address)
        letter["Subject"] = one_line(message.subject)
        letter["Date"] = formatdate(usegmt=True)
        letter["Message-ID"] = f"<{reference}@{host}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "All"
        if project:
            letter["List-Id"] = f"<{project}.countersign.{host}>"
            letter["List-Unsubscribe"] = f"<{base_url}/p/{project}/notifications>"
    except (MessageError, ValueError, IndexError) as fault:
        why = "the address cannot be written in a mail"
        raise SendFailed(why, is_final=True) from fault
    letter.set_content(message.text, cte="quoted-printable")
    return letter


def _hang_up(line: list[socket.socket]) -> None:
    """End the connection of a thread that hangs, which ends the thread."""
    for each in line:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _forget(ended: "asyncio.Future[None]") -> None:
    if not ended.cancelled():
        ended.exception()  # nobody waits for it any more
