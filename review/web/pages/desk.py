"""Laying an item on a reviewer's desk: what the review page shows, out of what the services give."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec
from markupsafe import Markup

from review.configuration.rules import ProjectConfig
from review.decisions.rules import LockedItem, Verdict
from review.intake.trials import measured_in
from review.items.schemas import Details, HistoryEntry, ItemDetail
from review.items.types import ItemType
from review.kernel import strict_json
from review.kernel.errors import FieldError, Invalid, ReviewError
from review.kernel.shapes import is_object
from review.queueing.schemas import AnswerView, ClaimedAssignment
from review.reviewing.pending import Given
from review.reviewing.schemas import JudgementIn
from review.routing import telling
from review.routing.rules import RuleSet
from review.routing.telling import NOTHING, Known
from review.web import content, forms
from review.web.pages import differences, reasons, story, words
from review.web.pages.veils import Veil
from review.web.pages.views import Alternative, Answer, Correction, Countdown, Desk, Fact, Reason, Stoppable
from review.web.words.catalogue import N_, gettext, ngettext, one_of
from review.web.words.sentences import translated

MAX_KEYED = 9
MAX_ALTERNATIVES = 20
MAX_FACT = 2_000  # characters of one circumstance; the whole is in the API's answer
MODEL_OUTPUT = "output"
_ACTS: Final = {"approve": N_("approve"), "correct": N_("correct"), "reject": N_("reject")}
# An item as it is shown, or as it is locked for a judgement.
Judgeable: TypeAlias = ItemDetail | LockedItem
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """How far a reviewer has come: the form as it stands, and what goes with it.

    `base` says what the form started from: the model's `output`, `alternative-N`, or `answer-N` of those before.
    """

    form: forms.Field
    value: Any
    base: str = MODEL_OUTPUT
    comment: str = ""
    reasons: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What surrounds one assignment: its item type, its pool's lease, its rules' texts, and what else a lead may do."""

    project: str
    item_type: ItemType
    lease: timedelta
    conditions: Mapping[str, str]
    known: Known = NOTHING
    stoppable: Sequence[Stoppable] = ()
    may_override: bool = False
    frame: content.Frame = field(default_factory=content.Frame)
    veil: Veil | None = None


def begin(item: ItemDetail, item_type: ItemType, base: str = MODEL_OUTPUT, answers: Sequence[AnswerView] = ()) -> Draft:
    """Start from the model's output, or from one of its alternatives or an earlier answer where there is such a one."""
    value, base = _start(item, base, answers)
    return Draft(form=forms.build(item_type.output_schema, value, _said(item)), value=value, base=base)


def take_up(
    item: Judgeable, item_type: ItemType, pairs: Sequence[tuple[str, str]], answers: Sequence[AnswerView] = ()
) -> Draft:
    """Read what a reviewer sent; what is wrong with it stands in the draft's form, beside its field."""
    sent = dict(pairs)
    value, base = _start(item, sent.get("base", MODEL_OUTPUT), answers)
    answer = forms.read(item_type.output_schema, value, pairs, _said(item))
    is_wrong = bool(forms.first_errors(answer.form))
    return Draft(
        form=answer.form,
        value=answer.value,
        base=base,
        comment=sent.get("comment", "").replace("\r\n", "\n"),
        reasons=tuple(value for name, value in pairs if name == "reasons"),
        fault=gettext("Something in the form needs another look. Nothing was sent.") if is_wrong else "",
    )


def refused(draft: Draft, refusal: ReviewError) -> Draft:
    """Note in the draft what the service said, beside the fields it named."""
    errors: dict[forms.Path, list[str]] = {}
    for error in refusal.errors:
        errors.setdefault(_path_of(error), []).append(translated(error.sentence))
    return replace(draft, form=forms.with_errors(draft.form, errors), fault=refusal.sentence)


def judge(verdict: str, item: Judgeable, draft: Draft) -> JudgementIn | Draft:
    """Make a judgement of what was sent, or give the draft back with what stands in its way.

    Approving what somebody has changed is stopped, because it would drop the change without a word.
    """
    if verdict == Verdict.APPROVE and (draft.value is forms.MISSING or differences.changes(_said(item), draft.value)):
        fault = gettext(
            "You changed the output, and approving would drop that. Correct sends your change; undo it to approve."
        )
        return replace(draft, fault=fault)
    if verdict == Verdict.CORRECT and (draft.fault or draft.value is forms.MISSING):
        return draft
    given: dict[str, Any] = {"verdict": verdict, "reasons": draft.reasons, "comment": draft.comment}
    if verdict == Verdict.CORRECT:
        given["output"] = draft.value
    try:
        return strict_json.convert(given, JudgementIn)
    except Invalid as refusal:
        return refused(draft, refusal)


def told(verdict: str, item: Judgeable, draft: Draft, given: Given, *, hides_words: bool = False) -> str:
    """Say in one line what was just recorded; of what is sensitive not to what it was corrected."""
    said = one_of({"approve": N_("Approved"), "reject": N_("Rejected")}, verdict)
    if not said:
        made = differences.changes(_said(item), draft.value)
        is_one = len(made) == 1 and not hides_words
        after = made[0].after.striptags()[:60] if is_one and made[0].after else ""
        said = gettext("Corrected to %(output)s", output=after) if after else gettext("Corrected")
    if given.needs_lead:
        return gettext("%(done)s. A lead has to confirm it before it counts.", done=said)
    return gettext("%(done)s.", done=said) if given.is_last else gettext("%(done)s. Others judge it too.", done=said)


def lay_out(
    claimed: ClaimedAssignment,
    bench: Bench,
    draft: Draft,
    *,
    now: datetime,
    history: list[HistoryEntry],
    clock: Countdown | None = None,
    outcome: str = "",
) -> Desk:
    """Put together everything the review page shows."""
    item, details, item_type = claimed.item, claimed.item.details, bench.item_type
    url = f"/p/{bench.project}/assignments/{claimed.id}"
    output = msgspec.json.decode(item.output)
    keys = _keyed(draft.form, has_alternatives=bool(details.alternatives))
    return Desk(
        url=url,
        assignment_id=claimed.id,
        item_id=item.id,
        fence=claimed.fence,
        lease_seconds=int(bench.lease.total_seconds()),
        seconds_left=max(0, int((claimed.lease_expires_at - now).total_seconds())),
        pool=claimed.pool,
        type_title=title_of(item_type),
        evidence=content.blocks("input", msgspec.json.decode(item.input), item_type.view, bench.frame),
        claim=content.blocks("output", output, item_type.view, bench.frame),
        confidence=details.confidence,
        explanation=details.explanation,
        alternatives=_alternatives(details, url, draft.form, keys),
        form=draft.form,
        base=draft.base,
        keys=keys,
        changes=differences.of_form(draft.form),
        is_touched=draft.base != MODEL_OUTPUT or bool(draft.fault or draft.comment or draft.reasons),
        reasons=_reasons(item_type, draft),
        comment=draft.comment,
        why=why(item, bench.conditions, bench.known, kind=claimed.kind),
        clock=clock,
        facts=facts(item),
        guidelines=content.render_markdown(item_type.guidelines) if item_type.guidelines else None,
        story=story.tell(history),
        outcome=outcome,
        fault=draft.fault,
        verdicts=claimed.verdicts,
        withheld=_withheld(claimed),
        answers=[_answer(each, place, output, url) for place, each in enumerate(claimed.answers or ())],
        stoppable=list(bench.stoppable),
        may_override=bench.may_override,
        veil=bench.veil,
    )


def lay_out_form(claimed: ClaimedAssignment, draft: Draft) -> Correction:
    """Put together the form alone, for when nothing else has changed."""
    keys = _keyed(draft.form, has_alternatives=bool(claimed.item.details.alternatives))
    return Correction(form=draft.form, keys=keys, changes=differences.of_form(draft.form))


def _reasons(item_type: ItemType, draft: Draft) -> list[Reason]:
    return [
        Reason(code=code, label=words.humanise(code), is_chosen=code in draft.reasons) for code in item_type.reasons
    ]


def _withheld(claimed: ClaimedAssignment) -> str:
    """Say which verdicts the people of this pool may not give, and what to do instead."""
    missing = [verdict for verdict in story.VERDICTS if verdict not in claimed.verdicts]
    if not missing:
        return ""
    acts = [gettext(_ACTS[verdict]) for verdict in missing]
    said = acts[0] if len(acts) == 1 else gettext("%(one)s or %(other)s", one=", ".join(acts[:-1]), other=acts[-1])
    return gettext("The people of %(pool)s may not %(act)s here. Escalate instead.", pool=claimed.pool, act=said)


def _answer(answer: AnswerView, place: int, output: object, url: str) -> Answer:
    corrected = msgspec.json.decode(answer.output)
    is_correction = answer.verdict == Verdict.CORRECT
    said = story.judged(answer.reviewer, answer.verdict)
    return Answer(
        sentence=said,
        changes=differences.changes(output, corrected) if is_correction else [],
        comment=answer.comment,
        tone=story.TONES.get(answer.verdict, "plain"),
        url=f"{url}?base=answer-{place}" if is_correction else None,
    )


def title_of(item_type: ItemType) -> str:
    """Name an item type for people."""
    return item_type.title if item_type.title not in {"", item_type.name} else words.humanise(item_type.name)


def title_in(config: ProjectConfig, name: str) -> str:
    """Name an item type for people, also one that the configuration no longer has."""
    item_type = config.item_types.get(name)
    return title_of(item_type) if item_type else words.humanise(name)


def conditions_of(ruleset: RuleSet | None) -> Mapping[str, str]:
    """Give the texts of the rules by name."""
    return {} if ruleset is None else {rule.name: rule.condition.source for rule in ruleset.rules}


def known_of(item: ItemDetail, ruleset: RuleSet | None) -> Known:
    """Give what an item's rules call by name, with what it comes to for this item."""
    if ruleset is None or (ruleset.called is None and not ruleset.asks):
        return NOTHING
    payload = {"type": item.type, "input": msgspec.json.decode(item.input), "output": msgspec.json.decode(item.output)}
    measured = measured_in(msgspec.json.decode(item.route))
    return telling.known_of(ruleset, item.details.facts() | payload, measured)


def why(
    item: ItemDetail, conditions: Mapping[str, str], known: Known = NOTHING, *, kind: str = ""
) -> list[str | Markup]:
    """Say why an item is where it is."""
    route: object = msgspec.json.decode(item.route)
    said = reasons.why(route, item.details, conditions, payload=_payload(item, conditions), known=known, kind=kind)
    if item.decision is not None and item.status in {"queued", "in_review"}:
        by_rule = N_("A rule decided it, and somebody brought it back: that counts until people revise it.")
        by_stop = N_("A stop had it decided, and somebody brought it back: that counts until people revise it.")
        said.insert(0, gettext(by_stop if is_object(route) and route.get("fallback") else by_rule))
    if item.escalation_level:
        level = item.escalation_level
        said.append(ngettext("It was escalated once.", "It was escalated %(num)s times.", level))
    return said


def _payload(item: ItemDetail, conditions: Mapping[str, str]) -> dict[str, object]:
    """Give an item's type, and what rules speak of out of its input and output, which may be long."""
    spoken = [name for name in ("input", "output") if any(name in text for text in conditions.values())]
    return {"type": item.type, **{name: msgspec.json.decode(getattr(item, name)) for name in spoken}}


def facts(item: ItemDetail) -> list[Fact]:
    """List the circumstances that were given with an item, and nothing for those that were not."""
    details = item.details
    return [Fact(name=name, value=content.visible(_cut(value))) for name, value in _given(item, details) if value]


def _cut(value: str) -> str:
    return value if len(value) <= MAX_FACT else f"{value[:MAX_FACT]} …"


def _given(item: ItemDetail, details: Details) -> Iterable[tuple[str, str]]:
    model = details.model
    yield gettext("External id"), item.external_id or ""
    yield gettext("Model"), " ".join(part for part in (model.name, model.version) if part) if model else ""
    yield gettext("Prompt"), (model.prompt_version or "") if model else ""
    yield gettext("Impact"), details.impact or ""
    yield gettext("Cost"), f"{details.cost.amount} {details.cost.currency}" if details.cost else ""
    yield gettext("Took"), "" if details.latency_ms is None else words.milliseconds(details.latency_ms)
    yield gettext("Subject"), details.subject or ""
    yield gettext("Tags"), ", ".join(details.tags)
    for name, value in list(details.signals.items())[:20]:
        yield gettext("Signal %(name)s", name=name[:73]), _written(value)
    for name, value in list(details.metadata.items())[:20]:
        yield name[:80], _written(value)
    yield gettext("Trace"), details.trace_id or ""


def _written(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()[:200]


def _start(item: Judgeable, base: str, answers: Sequence[AnswerView] = ()) -> tuple[Any, str]:
    kind, _, number = base.partition("-")
    if number.isascii() and number.isdigit() and len(number) < 4:
        place = int(number)
        if kind == "alternative" and place < len(item.details.alternatives):
            return item.details.alternatives[place].output, f"alternative-{place}"
        if kind == "answer" and place < len(answers) and answers[place].verdict == Verdict.CORRECT:
            return msgspec.json.decode(answers[place].output), f"answer-{place}"
    return _said(item), MODEL_OUTPUT


def _said(item: Judgeable) -> Any:
    return msgspec.json.decode(item.output) if isinstance(item, ItemDetail) else item.output


def _keyed(form: forms.Field, *, has_alternatives: bool) -> str | None:
    """Choose what the digit keys take: the form's first field if it is a choice, else alternatives, else any choice."""
    choice = forms.first_choice(form)
    if choice is None:
        return None
    leads = choice is form or (bool(form.children) and choice is form.children[0])
    return choice.pointer if leads or not has_alternatives else None


def _alternatives(details: Details, url: str, form: forms.Field, keys: str | None) -> list[Alternative]:
    choice = forms.first_choice(form) if keys is not None else None
    return [
        Alternative(
            label=content.brief(other.output),
            confidence=other.confidence,
            url=f"{url}?base=alternative-{place}",
            key=_key_of(other.output, choice) if choice else str(place + 1) if place < MAX_KEYED else "",
            is_keyed=choice is None and place < MAX_KEYED,
        )
        for place, other in enumerate(details.alternatives[:MAX_ALTERNATIVES])
    ]


def _key_of(output: object, choice: forms.Field) -> str:
    """Find the digit of the choice that an alternative amounts to."""
    for step in choice.path:
        output = output.get(str(step)) if is_object(output) else None
    return next((o.key for o in choice.options if o.key and type(o.value) is type(output) and o.value == output), "")


def _path_of(error: FieldError) -> forms.Path:
    """Read a path such as `output.lines[0].name` as a path into the output."""
    steps = [int(index) if index else name for index, name in _STEP.findall(error.path)]
    return tuple(steps[1:]) if steps[:1] == ["output"] else tuple(steps)
