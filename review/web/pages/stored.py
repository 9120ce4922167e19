"""What was stored in English with what it ended or held up, said in the language of the page.

Why a snapshot or an erasure failed, why a rollout ended, what did not fit a judgement among many, why a rule could not
be evaluated, and who acted where nobody did. As in `retold`, each message stands here as its package writes it.
"""

import re
from typing import Final

from markupsafe import Markup

from review.kernel.foreign import English, Gap
from review.routing.engine import ENGINE
from review.web.content import visible
from review.web.words.catalogue import ENGLISH, N_, gettext, language
from review.web.words.retelling import Book

_COUNT: Final[Gap] = (r"\d+", str)
_LEFT_OUT: Final = re.compile(r"(?P<reason>.+?): (?P<count>\d+)(?:, |$)")
_PATH: Final = re.compile(r"(?P<path>(?:output|reasons|verdict|comment)[^ ;]*) (?P<what>.+)", re.DOTALL)
_APART: Final = re.compile(r"; (?=(?:output|reasons|verdict|comment)[^ ;]* )")


def _left_out(said: str) -> str:
    """Say how many records were left out by each reason; the reasons are marked where pages list them."""
    parts = [f"{gettext(each['reason'])}: {each['count']}" for each in _LEFT_OUT.finditer(said)]
    told, *others = parts or [said]
    for each in others:
        told = gettext("%(some)s, %(more)s", some=told, more=each)
    return told


# review/datasets/snapshots and review/datasets/errors.py: why there is no snapshot, or not yet.
SNAPSHOT: Final = Book(
    N_("It failed again and again."),
    N_("It failed for a reason that the server's log tells."),
    N_("The disk refused: %(fault)s."),
    N_("The place where snapshots are kept refused %(path)s: %(fault)s Nothing is lost; try again later."),
    N_("REVIEW_SNAPSHOT_STORE cannot be used: %(fault)s"),
    N_(
        "Nobody has said where files of snapshots are kept. Nothing was made; "
        "have REVIEW_SNAPSHOT_STORE set to a folder (file:///…) or a bucket (s3://…), for web and workers."
    ),
    N_("The file %(path)s is no longer where snapshots are kept."),
    N_("The feed has no records of what is asked for yet, so no snapshot was made."),
    N_("Of %(seen)s records none is taken, so no snapshot was made (%(reasons)s)."),
    N_(
        "A stored record cannot be given column types; nothing was exported and nothing is lost."
        " Export to jsonl, which writes every record as it is stored."
    ),
    N_(
        "It held records of %(held)s item(s) that were erased, so its files were removed. "
        "A new snapshot of the dataset is made without them."
    ),
    gaps={"seen": _COUNT, "held": _COUNT, "reasons": (".*", _left_out), "fault": (".+", English)},
)


# review/configuration/endings.py and candidates.py, and review/rollout/steering.py: why a rollout ended by itself.
ROLLOUT: Final = Book(
    N_("Guard %(guard)s: %(value)s on %(count)s items is above %(bound)s."),
    N_("Version %(version)s became active."),
    N_("Version %(version)s was withdrawn."),
    N_("Version %(version)s is no candidate: it was withdrawn. Nothing was changed."),
    N_("Version %(version)s is no candidate: it was made active already. Nothing was changed."),
    gaps={"version": _COUNT, "count": _COUNT, "value": (r"[\d.e+-]+", str), "bound": (r"[\d.e+-]+", str)},
)

# review/reviewing/rules.py and review/items/types.py: what does not fit about a judgement, behind the place it is at.
UNFIT: Final = Book(
    N_("is not a reason code of this item type: %(reasons)s"),
    N_("comes with the verdict `correct` only"),
    N_("is missing: `correct` must carry the corrected output"),
    N_("is the same as the AI output; approve it instead, or change it"),
    N_("must be at most %(most)s"),
    N_("must be at least %(least)s"),
    N_("must be less than %(end)s"),
    N_("must be more than %(end)s"),
    N_("must have at most %(most)s characters"),
    N_("must have at least %(least)s characters"),
    N_("must have at most %(most)s elements"),
    N_("must have at least %(least)s elements"),
    N_("must have at most %(most)s fields"),
    N_("must have at least %(least)s fields"),
    N_("the field %(name)s is missing"),
    N_("must be of type %(types)s"),
    N_("must be one of %(values)s"),
    N_("must be a multiple of %(number)s"),
    N_("must be %(value)s"),
    N_("does not have the format %(format)s"),
    N_("does not match the pattern %(pattern)s"),
    N_("has an element twice"),
    N_("has fields that are not allowed: %(names)s"),
    N_("fits none of the forms that are allowed"),
    N_("must fit exactly one of the forms that are allowed"),
    N_("has a form that is not allowed"),
    N_("is not allowed here"),
    N_("lacks an element that is required"),
    N_("has a field whose name is not allowed: %(why)s"),
    gaps=dict.fromkeys(("most", "least", "end", "number"), (r"-?[\d.e+-]+", str)),
)


def _kind(said: str) -> str:
    return gettext(said) if said in _KINDS else said


_KINDS: Final = frozenset(
    {N_("text"), N_("a number"), N_("a list"), N_("an object"), N_("a time"), N_("a duration"), N_("something"), "null"}
)


_WHY: Final[dict[str, Gap]] = {"most": _COUNT, "kind": ("[a-z ]+", _kind), "why": (".+", lambda said: why_not(said))}  # noqa: PLW0108  it is defined below, by this
# review/routing/conditions.py and faults.py: why a condition could not be evaluated; rules.py names the rule before it.
EVALUATION: Final = Book(
    N_("rule %(rule)s: %(why)s"),
    N_("the score %(score)s: %(why)s"),
    N_("a list is longer than the %(most)s elements that a condition goes through"),
    N_("its value is %(kind)s, not true or false"),
    N_("%(ask)s was not measured"),
    N_("the field %(field)s is missing"),
    N_("a list is shorter than the condition expects"),
    N_("a list that it looks in is not loaded"),
    N_("a value is empty or of another kind than the condition expects"),
    gaps=_WHY,
)

_OWN_NAMES: Final = frozenset({"user", "key"})
# Who the audit and other records name where no person and no key acted.
ACTOR: Final = Book(
    N_("escalation policy %(policy)s"),
    N_("timer"),
    N_("rule"),
    N_("operator"),
    N_("webhooks"),
)


def actor(name: str) -> str:
    """Name who acted; a person and a key keep their names."""
    return ACTOR.tell(name)


def who(kind: str, name: str) -> Markup:
    """Name who acted, of a kind of those in the audit."""
    return visible(name if kind in _OWN_NAMES else actor(name))


def ended(said: str) -> str:
    """Say why a snapshot or an erasure did not come about."""
    return said if language() == ENGLISH else SNAPSHOT.sentence(said) or English(said)


def because(said: str) -> str:
    """Say why a rollout is over; people's own words stay theirs."""
    return said if language() == ENGLISH else ROLLOUT.sentence(said) or said


def why_not(said: str) -> str:
    """Say why a rule could not be evaluated."""
    if language() == ENGLISH:
        return said
    return EVALUATION.sentence(said) or ENGINE.of(said)


def unfit(said: str) -> str:
    """Say what did not fit a judgement: the faults that were kept with an item of an act on many."""
    if language() == ENGLISH:
        return said
    found = [(_PATH.fullmatch(each), each) for each in _APART.split(said)]
    told = [_fault(match["path"], match["what"]) if match else UNFIT.find(each) for match, each in found]
    known = [each for each in told if each is not None]
    return "; ".join(known) if len(known) == len(told) else English(said)


def _fault(path: str, what: str) -> str | None:
    told = UNFIT.find(what)
    return None if told is None else f"{path} {told}"
