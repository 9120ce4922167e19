"""Reading what a browser's form sends, and the sentence a page opens with after an act."""

import hmac
import re
from urllib.parse import parse_qsl

from litestar.exceptions import ClientException

from review.identity.errors import CrossSiteRequest
from review.identity.sessions import Visitor
from review.kernel.errors import MalformedRequest
from review.kernel.sentences import say
from review.web.services import AnyRequest
from review.web.words.catalogue import N_

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20_000
SAID = {
    "approve": N_("Approved."),
    "correct": N_("Corrected."),
    "reject": N_("Rejected."),
    "skip": N_("Skipped. Somebody else gets it."),
    "escalate": N_("Escalated. Somebody else takes it from here."),
    "snooze": N_("Put aside. It comes back to you when you said."),
    "send-back": N_("Sent back, with your note."),
    "pin": N_("Pinned. It stays in your hands while you go on."),
    "undo": N_("Taken back. It is yours again."),
    "release": N_("Put back. Somebody else may take it now, or you later."),
    "pause": N_("The clock stands still."),
    "resume": N_("The clock runs on."),
    "conflict": N_("Noted: it concerns you. You will not be asked about it again, and somebody else gets it."),
    "ask": N_("Asked. It comes back to you with the answer."),
    "answer": N_("Answered. The item is back with who asked."),
    "stop": N_("Stopped, from the next item on, until somebody resumes it or its time is over."),
    "restart": N_("Resumed. Rules decide again on what comes from now on."),
    "clear-model": N_("Cleared. Rules decide what it makes from now on."),
    "revoke-model": N_("Taken back. People judge what it makes from now on."),
    "propose-version": N_("Stored as a candidate. It acts once somebody makes it active."),
    "activate": N_("Active. Items that come in from now on go by it."),
    "approve-version": N_("Approved."),
    "withdraw-version": N_("Withdrawn. It stays here to be read."),
    "roll-back": N_("Gone back. Items that come in from now on go by what held then, under a number of its own."),
    "override": N_("Overridden."),
    "proposed": N_("Proposed. It counts once a second person has confirmed it."),
    "confirm": N_("Confirmed. The override counts."),
    "take-back": N_("Taken back. The item stands as it was."),
    "kept": N_("Kept. The view stands above the list now, and its address can be shared."),
    "view-removed": N_("Taken away. This is the list without a filter."),
    "acknowledge": N_("Noted: you see to it. Nobody is paged about it any more."),
}

Pairs = list[tuple[str, str]]


async def read_pairs(request: AnyRequest) -> Pairs:
    """Give the names and values of a submitted form in the order sent, blank ones too, which mean something here.

    Only what a form of ours sends is read, so that no other kind of body passes for one. Bytes that are not UTF-8 and
    the NUL character stand as U+FFFD, as browsers show them.

    Raises:
        MalformedRequest: it has more than 20,000 fields (400).
        ClientException: it says that it is something else (415).
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise ClientException(status_code=415, detail=f"A form is sent as {FORM}; nothing was changed.")
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as fault:
        message = say(
            "The form has more than %(most)s fields; nothing was stored. Send a smaller one.",
            most=format(MAX_FIELDS, ","),
        )
        raise MalformedRequest(message) from fault
    return [(name, value.replace("\0", "\N{REPLACEMENT CHARACTER}")) for name, value in pairs]


async def read_form(request: AnyRequest) -> Pairs:
    """Give a signed-in person's form, which must carry their session's token.

    Raises:
        MalformedRequest (400); CrossSiteRequest: the token is missing or another session's (403).
    """
    pairs = await read_pairs(request)
    check_token(request, pairs)
    request.state.pairs = pairs  # for whoever must tell that it came too late
    return pairs


def check_token(request: AnyRequest, pairs: Pairs) -> None:
    """Refuse a form without the token of its sender's session.

    Raises:
        CrossSiteRequest: it is missing or another session's (403).
    """
    visitor: Visitor = request.auth
    if not hmac.compare_digest(first(pairs, "_csrf").encode(), visitor.csrf_token.encode()):
        message = say("The form has grown stale; nothing was changed. Load the page again and send it once more.")
        raise CrossSiteRequest(message)


def first(pairs: Pairs, name: str) -> str:
    """Give the first value of a name, or nothing."""
    return next((value for key, value in pairs if key == name), "")


def typed(pairs: Pairs) -> list[str]:
    """List what a person may have written themselves, so that nothing of it is lost with a lease."""
    kept = [value for name, value in pairs if name in {"comment", "reason"} or name.startswith("o")]
    return [value for value in kept if value.strip()]


def fence_of(pairs: Pairs, name: str = "fence") -> int:
    """Give the fence a form carries; what is no number is a fence that nobody holds."""
    text = first(pairs, name)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else 0
