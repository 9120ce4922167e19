"""The process that sends to channels: one JSON line in, one out, behind a fence; killed where it hangs.

`python -m review.delivery.notifications.child`. Its first line is what it may reach, each further one a message.
"""

import logging
import mimetypes
import os
import re
import signal
import sys
from ipaddress import ip_network
from typing import BinaryIO

import apprise
import msgspec

from review.delivery.egress.rules import Policy
from review.delivery.notifications import fence
from review.delivery.notifications.schemes import SCHEMES, scheme_of

OUTLIVES_ITS_PARENT_SECONDS = 60  # a parent that was killed cannot kill what hangs here
_STATUS = re.compile(r"error=(\d{3})\b")


class Reach(msgspec.Struct, frozen=True):
    """The networks beyond the public ones that may be reached."""

    networks: tuple[str, ...]


class Request(msgspec.Struct, frozen=True):
    """A message, and the URL of the channel it goes to."""

    url: str
    subject: str
    text: str


class Reply(msgspec.Struct, frozen=True):
    """What came of it: nothing in `error` if it was taken; `is_final` if trying again is of no use."""

    error: str = ""
    is_final: bool = False


class _Statuses(logging.Handler):
    """Keeps the HTTP status out of what apprise logs, and nothing else of it, for it may hold secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage())
        if found:
            self.last = found[1]


def send(request: Request, statuses: _Statuses) -> Reply:
    """Send one message; says what went wrong in words that hold nothing of the URL."""
    fence.refused.clear()
    statuses.last = ""
    if scheme_of(request.url) not in SCHEMES:
        return Reply("its URL begins with a scheme that is not allowed", is_final=True)
    asset = apprise.AppriseAsset(
        app_id="Countersign",
        app_desc="Countersign",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        secure_logging=True,
        allow_templates=False,
        http_redirects=False,
        pem_autogen=False,
        pgp_autogen=False,
        interpret_emojis=False,
        storage_mode="memory",
    )
    # It gives None for what it cannot read.
    receiver = apprise.Apprise.instantiate(request.url, asset=asset)  # pyright: ignore[reportUnknownMemberType]  untyped dicts
    if receiver is None:
        return Reply("its URL cannot be read", is_final=True)
    outlet = apprise.Apprise(asset=asset)
    outlet.add(receiver)  # pyright: ignore[reportUnknownMemberType]  apprise leaves its dicts untyped
    taken = outlet.notify(  # pyright: ignore[reportUnknownMemberType]  untyped in apprise
        title=request.subject, body=request.text, body_format=apprise.NotifyFormat.TEXT
    )
    if taken:
        return Reply()
    if fence.refused:
        return Reply(f"it was refused: {fence.refused[0]}")
    return Reply(f"the receiver answered {statuses.last}" if statuses.last else "the receiver cannot be reached")


def main() -> None:
    """Answer each line until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # so that nothing that prints can pass for an answer
    statuses = _Statuses()
    logger = logging.getLogger("apprise")
    logger.addHandler(statuses)
    logger.propagate = False
    mimetypes.init()  # reads files that are out of reach later
    questions = sys.stdin.buffer
    reach = msgspec.json.decode(questions.readline(), type=Reach)
    fence.put_up(Policy(tuple(ip_network(each) for each in reach.networks)))
    _answer(answers, Reply())
    _serve(questions, answers, statuses)


def _serve(questions: BinaryIO, answers: BinaryIO, statuses: _Statuses) -> None:
    for line in questions:
        request = msgspec.json.decode(line, type=Request)
        signal.alarm(OUTLIVES_ITS_PARENT_SECONDS)
        try:
            reply = send(request, statuses)
        except Exception as fault:  # noqa: BLE001  whatever a channel's code raises is this message's failure only
            reply = Reply(f"it failed inside: {type(fault).__name__}")
        signal.alarm(0)
        _answer(answers, reply)


def _answer(answers: BinaryIO, reply: Reply) -> None:
    answers.write(msgspec.json.encode(reply) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
