"""Snapshots in other formats: what each is for, what it makes of the first records, and the download."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Controller, get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream, Template

from review.datasets.errors import RenderingInvalid
from review.datasets.formats import extraction, mapping, preference, spans
from review.datasets.formats import rendering as parts
from review.datasets.formats.registry import READS
from review.datasets.formats.rendering import Options
from review.datasets.snapshots import rendering
from review.datasets.snapshots import service as snapshots
from review.datasets.snapshots.schemas import Checked
from review.datasets.snapshots.store import Store
from review.identity.rules import Permission
from review.web.api.formats import options_of
from review.web.downloads import snapshot_in_format
from review.web.guards import requires
from review.web.pages.datasets import HERE
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, gettext, one_of
from review.web.words.sentences import translated

FOR: Final = {
    "jsonl": N_("Every column, a record to a line"),
    "csv": N_("Every column, safe to open in a spreadsheet"),
    "huggingface": N_("A dataset folder with a card, which load_dataset reads"),
    "classification": N_("Text, label and weight"),
    "chat": N_("Conversations for fine-tuning: messages that end with the answer"),
    "preference": N_("What was chosen and what was not, for DPO"),
    "spans": N_("Named entities, as BIO tags or for spaCy"),
    "extraction": N_("Input, the schema of the answer, and the answer"),
    "label_studio": N_("An import file of Label Studio"),
    "argilla": N_("Records of Argilla"),
    "template": N_("Your own line for each record"),
}
ASKED: Final = {
    "text_at": N_("Where the text stands in the input"),
    "label_at": N_("Where the class stands in the label"),
    "prompt_at": N_("Where the question or the messages stand in the input"),
    "answer_at": N_("Where the answer stands in the label"),
    "spans_at": N_("Where the spans stand in the label"),
    "pair_at": N_("Where two texts stand to choose from, such as input.answers"),
    "style": N_("Style"),
    "system": N_("What the system says first"),
    "template": N_("Template"),
    "user_id": N_("The account in Argilla that the answers belong to"),
}
STYLES: Final = {"spans": ("bio", "spacy"), "preference": ("messages", "text")}
LACKS: Final = {
    parts.NO_TEXT: N_("no text at its place in the input"),
    parts.NO_LABEL: N_("no label at its place"),
    preference.NOT_CORRECTED: N_("not corrected, so without a second answer"),
    preference.NO_PAIR: N_("no pair of texts at its place"),
    preference.NO_CHOICE: N_("the label chooses neither of the pair"),
    spans.NO_SPANS: N_("no list of spans at its place in the label"),
    spans.BEYOND: N_("a span that is not within the text"),
    spans.OVERLAPPING: N_("spans that overlap"),
    extraction.NO_SCHEMA: N_("an item type whose schema is not known"),
    mapping.UNKNOWN: N_("without a field that the template names"),
    mapping.TOO_MUCH: N_("more work for the template than one record may make"),
    mapping.LINES: N_("more than one line from the template"),
    mapping.UNFIT: N_("with a value that the template cannot work with"),
}


class FormatPages(Controller):
    """The formats of a snapshot, one of them tried, and its download."""

    path = "/p/{project:str}/datasets/{name:str}/{number:int}"
    opt = requires(Permission.READ_FEEDBACK)
    dependencies = WORK

    @get("/formats")
    async def formats(
        self,
        request: AnyRequest,
        work: InHand,
        name: FromPath[str],
        number: FromPath[int],
        format: FromQuery[str] = "",  # noqa: A002  as the API has it
        split: FromQuery[str] = "",
    ) -> Template:
        """Show the formats, and what one makes of the first records with what is asked of it."""
        which: dict[str, Any] = {"project_id": work.who.project_id, "dataset": name, "number": number}
        manifest = await snapshots.get_manifest(work.hot, **which)
        given = _given(request, format)
        tried: Checked | None = None
        faults: list[str] = []
        if format:
            await snapshots.check_reader(work.hot, who=work.who, dataset=name, number=number)
            try:
                asked: dict[str, Any] = {"name": format, "split": split, "options": options_of(given)}
                tried = await rendering.check(work.hot, Store.of(work.services.settings), **which, **asked)
            except RenderingInvalid as refusal:
                faults = _faults(refusal)
        url = f"/p/{work.who.project}/datasets/{name}/{number}"
        return work.page(
            "formats.html",
            status=422 if faults else 200,
            here=HERE,
            dataset=name,
            number=number,
            manifest=manifest,
            formats=[(each, gettext(FOR[each])) for each in READS],
            chosen=format if format in READS else "",
            split=split,
            asked=[(each, gettext(ASKED[each]), given.get(each, "")) for each in READS.get(format, ())],
            styles=STYLES.get(format, ()),
            tried=tried,
            faults=faults,
            left_out=[(one_of(LACKS, each, each), count) for each, count in tried.left_out.items()] if tried else [],
            url=url,
            download=f"{url}/export?{urlencode({'format': format, 'split': split, **given}, errors='replace')}",
        )

    @get("/export")
    async def export(
        self,
        request: AnyRequest,
        work: InHand,
        tx: Tx,
        name: FromPath[str],
        number: FromPath[int],
        format: FromQuery[str] = "jsonl",  # noqa: A002  as the API has it
        split: FromQuery[str] = "",
    ) -> Stream:
        """Download the snapshot in a format; that it left is in the audit."""
        options: Options = options_of(_given(request, format))
        return await snapshot_in_format(
            work.services, work.who, tx, dataset=name, number=number, asked=(format, split, options)
        )


def _given(request: AnyRequest, name: str) -> dict[str, str]:
    """Give what is asked of a format, of what it reads."""
    sent = {each: str(request.query_params.get(each, "")) for each in READS.get(name, ())}
    return {each: value for each, value in sent.items() if value}


def _faults(refusal: RenderingInvalid) -> list[str]:
    told = [f"{each.path}: {translated(each.sentence)}" for each in refusal.errors]
    return [translated(refusal.sentence), *told]
