"""Why a call to the outside came to nothing, as `review/delivery/egress` says it, in the language of the page."""

from typing import Final

from review.kernel import sentences
from review.kernel.foreign import English, Gap, Phrases
from review.kernel.wording import number
from review.web.words.catalogue import N_, gettext
from review.web.words.retelling import Book


def _amount(said: str) -> str:
    return number(float(said), "g")


# What the machine and its TLS say most; the rest stays as they say it.
_MACHINE: Final = frozenset(
    {
        N_("Broken pipe"),
        N_("Connection refused"),
        N_("Connection reset by peer"),
        N_("Connection timed out"),
        N_("Name or service not known"),
        N_("Network is unreachable"),
        N_("No address associated with hostname"),
        N_("No route to host"),
        N_("Temporary failure in name resolution"),
        N_("certificate has expired"),
        N_("certificate is not yet valid"),
        N_("self-signed certificate"),
        N_("self-signed certificate in certificate chain"),
        N_("unable to get local issuer certificate"),
    }
)


def _machine(said: str) -> str:
    return gettext(said) if said in _MACHINE else English(said)


OUT: Final[dict[str, Gap]] = {
    "seconds": (r"[\d.]+", _amount),
    "megabytes": (r"[\d.e+]+", _amount),
    "status": (r"\d+", str),
    "location": (r"\S+", str),
    "host": (r"\S+", str),
    "what": (".+", _machine),
}
_MESSAGES: Final = (
    N_("status %(status)s"),
    N_("redirects are not followed (%(status)s to %(location)s)"),
    N_("timed out after %(seconds)s s, looking up the name and connecting"),
    N_("timed out after %(seconds)s s, sending the request"),
    N_("timed out after %(seconds)s s, waiting for the answer"),
    N_("timed out after %(seconds)s s, reading the answer"),
    N_("bad certificate: %(what)s"),
    N_("TLS failed: %(what)s"),
    N_("no connection: %(what)s"),
    N_("the receiver closed the connection before it had answered"),
    N_("the answer is not HTTP: %(what)s"),
    N_("the name %(host)s does not resolve: %(what)s"),
    N_("the name %(host)s resolves to %(what)s, which is no address"),
    N_("the name %(host)s has no address"),
    N_("the URL holds a space, a backslash or a control character"),
    N_("the URL cannot be read: %(what)s"),
    N_("the URL begins with %(scheme)s:, not with https:"),
    N_("the URL is plain http; use https, or an operator can allow it with REVIEW_WEBHOOK_ALLOW_HTTP"),
    N_("the URL carries a user name or password, which is not allowed"),
    N_("the URL names no host, or port 0"),
    N_("%(host)s is no host name"),
    N_(
        "the name %(host)s resolves to %(what)s, which is not a public address; "
        "an operator can allow its network with REVIEW_WEBHOOK_ALLOW_NETWORKS"
    ),
    N_("%(host)s is not a public address; an operator can allow its network with REVIEW_WEBHOOK_ALLOW_NETWORKS"),
    N_("the worker that sent this ended before it had an answer"),
    N_("the worker was stopped before the answer came"),
    N_("no secret of this endpoint can be opened; give the worker the REVIEW_SECRET_KEY that sealed it, or rotate it"),
    N_("it failed inside: %(what)s"),
    N_("the answer was %(status)s"),
    N_("the answer was %(status)s; redirects are not followed"),
    N_("the file is larger than %(megabytes)s MB"),
    N_("the header %(name)s holds characters that no header may hold"),
)
CALL: Final = Book(*_MESSAGES, gaps=OUT)


def _sentence(said: str) -> str:
    return sentences.say(said) if said in _MACHINE else English(said)


def _as_number(said: str) -> str:
    return sentences.number(float(said), "g")


# The same for a refusal that names why, which is said by whatever page shows it.
REFUSED: Final = Phrases(
    *_MESSAGES,
    gaps=OUT | {"seconds": (r"[\d.]+", _as_number), "megabytes": (r"[\d.e+]+", _as_number), "what": (".+", _sentence)},
)
