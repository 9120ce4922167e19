"""Datasets: what is in them and why the rest is not, their snapshots, what two of these have apart, and the files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream, Template

from review.datasets.errors import DatasetInvalid, ScheduleInvalid
from review.datasets.schedules import rules as times
from review.datasets.schedules import service as schedules
from review.datasets.selections import rules
from review.datasets.selections import service as datasets
from review.datasets.selections.rules import Definition
from review.datasets.selections.schemas import Preview
from review.datasets.snapshots import comparing, holding
from review.datasets.snapshots import service as snapshots
from review.datasets.snapshots.store import Store
from review.identity.rules import Permission
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.kernel.strict_json import field_error
from review.web.downloads import snapshot_file
from review.web.guards import requires
from review.web.pages import label_charts, snippets
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, one_of

T = TypeVar("T")
HERE: Final = "Datasets"
ROWS: Final = 50
MOST_BARS: Final = 24
DRAWN: Final = 24  # snapshots whose labels are drawn beside each other
WRITE = requires(Permission.WRITE_DATASETS)
LISTS: Final = ("types", "models", "verdicts", "sources", "rules", "pools", "tags", "without_tags")
LEFT_OUT: Final = {
    rules.TYPE: N_("another item type"),
    rules.TIME: N_("decided outside the dates"),
    rules.MODEL: N_("another model or version"),
    rules.VERDICT: N_("another verdict"),
    rules.SOURCE: N_("decided in another way"),
    rules.RULE: N_("routed by another rule"),
    rules.POOL: N_("judged in another pool"),
    rules.TAGS: N_("without any of the tags"),
    rules.EXCLUDED: N_("with a tag that is left out"),
    rules.AGREEMENT: N_("too little agreement, or none known"),
    rules.REVIEWS: N_("too few reviews"),
    rules.NO_LABEL: N_("rejected, so without a label"),
    rules.REVISED: N_("replaced by a later revision"),
    rules.GOLD: N_("gold, so its answer was known before"),
    rules.NOT_GOLD: N_("not gold"),
    rules.REPEATED: N_("the same text as an earlier record"),
    rules.NEAR: N_("nearly the same text as an earlier record"),
    rules.SAMPLED_OUT: N_("left out by sampling"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A class with its count, and how long its bar is of a hundred."""

    name: str
    count: int
    length: float


HOW: Final = ("drop", "hash", "mask", "keep")


class DatasetPages(Controller):
    """Datasets by name, one with its preview and snapshots, and one snapshot."""

    path = "/p/{project:str}/datasets"
    opt = requires(Permission.READ_FEEDBACK)
    dependencies = WORK

    @get("/")
    async def list(self, work: InHand, tx: Tx, cursor: FromQuery[str] = "") -> Template:
        """Show the datasets, with the form that defines one."""
        after = cursor.replace("\0", "")
        found = await datasets.list_datasets(tx, project_id=work.who.project_id, after=after, limit=ROWS + 1)
        return work.page(
            "datasets.html",
            **_choices(work),
            here=HERE,
            datasets=found[:ROWS],
            more=found[ROWS - 1].name if len(found) > ROWS else "",
            definition=Definition(),
        )

    @post("/", opt=WRITE, status_code=200)
    async def create(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Keep a definition under a name."""
        pairs = await read_form(request)
        name = first(pairs, "name").strip()
        await datasets.create(
            tx, who=work.who, name=name, description=first(pairs, "description"), definition=_read(pairs)
        )
        return _to(work, name)

    @get("/{name:str}")
    async def show(self, work: InHand, tx: Tx, name: FromPath[str]) -> Template:
        """Show a dataset: what it takes now, what it leaves out, and its snapshots."""
        found = await datasets.get(tx, project_id=work.who.project_id, name=name)
        made = await snapshots.list_snapshots(work.hot, project_id=work.who.project_id, dataset=name, limit=ROWS)
        preview, course = await datasets.look(
            work.services.db, who=work.who, definition=found.definition, is_stored=True
        )
        labels = await holding.list_labels(work.hot, project_id=work.who.project_id, dataset=name, limit=DRAWN)
        return work.page(
            "dataset.html",
            **_choices(work),
            here=HERE,
            dataset=found,
            definition=found.definition,
            snapshots=made,
            schedule=await schedules.find(work.hot, project_id=work.who.project_id, dataset=name),
            most_new=times.MOST_NEW,
            over_time=label_charts.over_time(course, work.zone),
            over_snapshots=label_charts.over_snapshots(labels),
            **_shown(work, preview),
        )

    @post("/_trial", status_code=200)
    async def trial(self, request: AnyRequest, work: InHand) -> Template:
        """Show what a definition would take, in front of the form that keeps it; no dataset can be called so."""
        pairs = await read_form(request)
        definition, existing = _read(pairs), first(pairs, "existing")
        preview = await datasets.preview(work.services.db, who=work.who, definition=definition)
        return work.page(
            "dataset_trial.html",
            **_choices(work),
            here=HERE,
            existing=existing,
            called=existing or first(pairs, "name").strip(),
            description=first(pairs, "description"),
            definition=definition,
            **_shown(work, preview),
        )

    @post("/{name:str}", opt=WRITE, status_code=200)
    async def change(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Give a dataset another definition."""
        pairs = await read_form(request)
        await datasets.change(
            tx, who=work.who, name=name, description=first(pairs, "description"), definition=_read(pairs)
        )
        return _to(work, name)

    @post("/{name:str}/schedule", opt=WRITE, status_code=200)
    async def schedule(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Set when snapshots are made without anybody asking, or have none made so."""
        pairs = await read_form(request)
        if first(pairs, "act") == "remove":
            await schedules.remove(tx, who=work.who, dataset=name)
        else:
            await schedules.put(tx, who=work.who, dataset=name, schedule=_read_schedule(pairs))
        return _to(work, f"{name}#itself")

    @post("/{name:str}/snapshots", opt=WRITE, status_code=200)
    async def begin(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Have a snapshot made, and go to its page."""
        await read_form(request)
        begun = await snapshots.begin(
            tx, work.services.settings, project_id=work.who.project_id, actor=work.who.actor, dataset=name
        )
        return _to(work, f"{name}/{begun.number}")

    @get("/{name:str}/{number:int}")
    async def snapshot(self, work: InHand, name: FromPath[str], number: FromPath[int]) -> Template:
        """Show how far a snapshot is and what is in it; while it is being made, the page asks again."""
        found = await snapshots.get(work.hot, project_id=work.who.project_id, dataset=name, number=number)
        manifest = found.manifest
        course = await holding.find_course(work.hot, project_id=work.who.project_id, snapshot_id=found.id)
        return work.page(
            "_snapshot.html" if work.is_partial else "snapshot.html",
            here=HERE,
            snapshot=found,
            is_under_way=found.state in {"waiting", "running"},
            manifest=manifest,
            bars=_bars(manifest.classes) if manifest else [],
            over_time=label_charts.over_time(course, work.zone) if course else None,
            snippets=snippets.of_snapshot(manifest, work.base_url) if manifest else [],
            left_out=_told(manifest.left_out) if manifest else [],
            url=f"/p/{work.who.project}/datasets/{name}/{number}",
            may_write=work.who.may(Permission.WRITE_DATASETS),
        )

    @post("/{name:str}/{number:int}/{act:str}", opt=WRITE, status_code=200)
    async def act(
        self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str], number: FromPath[int], act: FromPath[str]
    ) -> Redirect:
        """Stop the making of a snapshot, or have it made after all (`retry`)."""
        await read_form(request)
        do = snapshots.retry if act == "retry" else snapshots.stop
        await do(tx, project_id=work.who.project_id, actor=work.who.actor, dataset=name, number=number)
        return _to(work, f"{name}/{number}")

    @get("/{name:str}/{number:int}/difference")
    async def difference(
        self, work: InHand, name: FromPath[str], number: FromPath[int], since: FromQuery[str] = ""
    ) -> Template:
        """Show what a snapshot has apart from an earlier one, by default the one before."""
        earlier = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else number - 1
        found = await comparing.compare(
            work.hot,
            Store.of(work.services.settings),
            project_id=work.who.project_id,
            dataset=name,
            earlier=earlier,
            later=number,
        )
        return work.page(
            "difference.html",
            here=HERE,
            dataset=name,
            difference=found,
            may_open=work.who.may(Permission.READ_ITEMS),
        )

    @get("/{name:str}/{number:int}/files/{file:str}")
    async def file(
        self, work: InHand, tx: Tx, name: FromPath[str], number: FromPath[int], file: FromPath[str]
    ) -> Stream:
        """Download a file; that it left is in the audit."""
        return await snapshot_file(work.services, work.who, tx, dataset=name, number=number, name=file)


def _to(work: Work, place: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/datasets/{place}", status_code=303)


def _shown(work: Work, preview: Preview) -> dict[str, Any]:
    """Give what the page shows of a preview."""
    return {
        "preview": preview,
        "bars": _bars(preview.classes),
        "left_out": _told(preview.left_out),
        "samples": [msgspec.json.format(each, indent=2).decode() for each in preview.samples[:3]],
        "may_open": work.who.may(Permission.READ_ITEMS),
    }


def _choices(work: Work) -> dict[str, Any]:
    """Give what the form of a definition offers."""
    return {
        "types": sorted(work.config.item_types),
        "pools": sorted(work.config.pools),
        "verdicts": ("approve", "correct", "reject"),
        "sources": ("review", "consensus", "adjudication", "override"),
        "may_write": work.who.may(Permission.WRITE_DATASETS),
        "personal": work.config.personal,
        "sees_personal": work.who.sees_personal,
    }


def _read(pairs: Pairs) -> Definition:
    """Read the form of a definition.

    Raises:
        DatasetInvalid: a field says nothing that can be (422).
    """
    given = {name: first(pairs, name).strip() for name, _ in pairs}
    parts = {name: _share(given.get(f"part_{name}", "")) for name in ("train", "validation", "test")}
    parts = {name: share for name, share in (parts | _by_name(given.get("parts", ""), _share)).items() if share}
    criteria: dict[str, Any] = {name: _texts(pairs, name) for name in LISTS}
    criteria |= {name: _moment(given[name]) for name in ("since", "until") if given.get(name)}
    criteria["agreement_at_least"] = _share(given.get("agreement_at_least", ""))
    criteria["reviews_at_least"] = _whole(given.get("reviews_at_least", "")) or 0
    criteria["with_label"] = "without_label" not in given
    criteria |= {"revisions": given.get("revisions") or "last", "gold": given.get("gold") or "excluded"}
    sampling: dict[str, Any] = {name: given.get(name, "") for name in ("label_at", "text_at")}
    sampling |= {name: name in given for name in ("balanced", "distinct")}
    sampling["at_most"] = _whole(given.get("at_most", ""))
    sampling |= {
        "weights": _by_name(given.get("weights", ""), _real),
        "shares": _by_name(given.get("shares", ""), _share),
        "similarity_at_least": _share(given.get("similarity_at_least", "")) or None,
        "near": given.get("near") or "leave_out",
    }
    splitting: dict[str, Any] = {"by": given.get("by") or "item", "salt": given.get("salt", "")}
    if parts:
        splitting["parts"] = parts
    redaction = [field for how in HOW for each in _texts(pairs, f"redact_{how}") for field in [_field(how, each)]]
    told = {"criteria": criteria, "sampling": sampling, "splitting": splitting, "redaction": redaction}
    return _convert(told, Definition, DatasetInvalid)


def _read_schedule(pairs: Pairs) -> times.Schedule:
    """Read the form of a schedule.

    Raises:
        ScheduleInvalid: a field says nothing that can be (422).
    """
    told = {
        "cron": first(pairs, "cron").strip(),
        "timezone": first(pairs, "timezone").strip() or "UTC",
        "new_records": _whole(first(pairs, "new_records").strip()),
        "paused": bool(first(pairs, "paused")),
    }
    return _convert(told, times.Schedule, ScheduleInvalid)


def _convert(told: dict[str, Any], kind: type[T], refusal: type[Invalid]) -> T:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as fault:
        at = field_error(fault)
        message = say("The form could not be read, so nothing was changed. Mend what is named below.")
        raise refusal(message, errors=(FieldError(at.path or "definition", at.sentence),)) from fault


def _texts(pairs: Pairs, name: str) -> Sequence[str]:
    """Give what was ticked, and what was typed between commas."""
    return [each for key, value in pairs if key == name for each in map(str.strip, value.split(",")) if each]


def _by_name(text: str, read: Callable[[str], float | str]) -> dict[str, float | str]:
    """Read lines of a name, an equals sign and a number; a name may have equals signs in it."""
    lines = [each.rpartition("=") for each in text.splitlines() if each.strip()]
    return {(name or rest).strip(): read(rest.strip()) if name else rest.strip() for name, _, rest in lines}


def _moment(text: str) -> str:
    """Read a day, or a moment as it was written before."""
    return text if "T" in text else f"{text}T00:00:00Z"


def _real(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _field(how: str, text: str) -> dict[str, Any]:
    """Read a field as it is written: its path, and behind a colon how many characters a mask leaves."""
    path, colon, kept = text.partition(":")
    return {"path": path.strip(), "how": how} | ({"keep_last": _whole(kept.strip())} if colon else {})


def _share(text: str) -> float | str:
    """Read per cent as a share; what is no number is left for the check to name."""
    try:
        return float(text) / 100 if text else 0.0
    except ValueError:
        return text


def _whole(text: str) -> int | str | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text or None


def _bars(classes: Mapping[str, int]) -> list[Bar]:
    """Give the most frequent classes, the longest bar first."""
    ordered = sorted(classes.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_BARS]
    most = max((count for _, count in ordered), default=1)
    return [Bar(name, count, 100 * count / most) for name, count in ordered]


def _told(left_out: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(one_of(LEFT_OUT, reason, reason), count) for reason, count in left_out.items()]
