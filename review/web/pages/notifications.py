"""What somebody is told of, and when; a project's channels; and the page that a mail's acknowledge link opens."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Template

from review.delivery.notifications import service as notifications
from review.delivery.notifications.errors import MailNotSet, PreferencesInvalid
from review.delivery.notifications.schemas import Kind, Preferences
from review.identity.rules import Permission
from review.items import service as items
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.web.guards import requires
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Svc, Tx
from review.web.words.catalogue import N_, gettext, one_of

SAID: Final = {
    "kept": N_("Kept. It holds from the next event on."),
    "test": N_("A test is on its way to you."),
    "waits": N_("A test is on its way to you already."),
    "enabled": N_("The channel is used again from the next event on."),
}
KINDS: Final = (
    (Kind.SLA_WARNING, N_("What I hold is due soon")),
    (Kind.SLA_BREACHED, N_("What I hold is overdue")),
    (Kind.ESCALATED, N_("An escalation that names me")),
    (Kind.RETURNED, N_("What I held was taken back")),
    (Kind.MENTIONED, N_("Somebody mentions me")),
    (Kind.MODEL_SEEN, N_("A model version comes for the first time")),
)
DIGESTS: Final = (
    ("off", N_("At once")),
    ("15m", N_("Every 15 minutes")),
    ("1h", N_("Every hour")),
    ("daily", N_("Once a day")),
)


class NotificationPages(Controller):
    """The caller's own notifications in a project, and for those who may see the configuration its channels."""

    path = "/p/{project:str}/notifications"
    opt = requires(Permission.READ_ITEMS)
    dependencies = WORK

    @get("/")
    async def show(self, work: InHand, done: FromQuery[str] = "") -> Template:
        """Show what the caller is told of, how it stands with that, and the form that changes it."""
        return await _page(work, await notifications.get_preferences(work.hot, work.who), said=one_of(SAID, done))

    @post("/", status_code=200)
    async def save(self, request: AnyRequest, work: InHand, tx: Tx) -> Response[Any]:
        """Keep what the caller wants; what cannot be kept is said beside its field."""
        pairs = await read_form(request)
        wanted, faults = read_preferences(pairs)
        if not faults:
            try:
                await notifications.save_preferences(tx, work.who, wanted)
            except PreferencesInvalid as refusal:
                faults = list(refusal.errors)
        if faults:
            return await _page(work, wanted, faults=faults, status=422)
        return _back(work, "kept")

    @post("/test", status_code=200)
    async def test(self, request: AnyRequest, work: InHand, services: Svc, tx: Tx) -> Response[Any]:
        """Have a test mail sent to the caller."""
        await read_form(request)
        try:
            is_new = await notifications.send_test(tx, work.who, services.settings)
        except MailNotSet as refusal:
            before = await notifications.get_preferences(work.hot, work.who)
            return await _page(work, before, fault=refusal.sentence, status=refusal.status)
        return _back(work, "test" if is_new else "waits")

    @post("/channels/{channel:str}/enable", opt=requires(Permission.WRITE_CONFIG), status_code=200)
    async def enable(self, request: AnyRequest, work: InHand, tx: Tx, channel: FromPath[str]) -> Redirect:
        """Use a channel again that was disabled."""
        await read_form(request)
        await notifications.enable_channel(tx, work.who, work.config, channel)
        return _back(work, "enabled")


@get("/p/{project:str}/items/{item_id:uuid}/acknowledge", opt=requires(Permission.WORK), dependencies=WORK)
async def acknowledge_page(work: InHand, item_id: FromPath[UUID]) -> Template:
    """Ask whether the reader sees to an escalation; changes nothing, for what scans mails opens links too."""
    item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
    item_type = work.config.item_types.get(item.type)
    title = f"{item_type.title if item_type else item.type} {item.external_id or ''}".strip()
    return work.page("acknowledge.html", item_id=item_id, title=title, level=item.escalation_level)


def read_preferences(pairs: Pairs) -> tuple[Preferences, list[FieldError]]:
    """Read the form strictly; what cannot be read is named, and stands as it is usually."""
    faults: list[FieldError] = []
    times: dict[str, int] = {}
    for name in ("quiet_from", "quiet_to", "digest_at"):
        text = first(pairs, name)
        minute = _minute(text)
        if minute is None and (text or name == "digest_at"):
            faults.append(FieldError(name, say("is no time of day; write one as 22:00")))
        times[name] = minute or 0
    if bool(first(pairs, "quiet_from")) != bool(first(pairs, "quiet_to")):
        faults.append(FieldError("quiet_to", say("quiet hours need both a beginning and an end")))
    given = {
        "where": first(pairs, "where"),
        "kinds": [value for name, value in pairs if name == "kinds"],
        "timezone": first(pairs, "timezone").strip(),
        "digest": first(pairs, "digest"),
        **times,
    }
    try:
        return msgspec.convert(given, Preferences), faults
    except msgspec.ValidationError as fault:
        field = next((name for name in given if f"`$.{name}" in str(fault)), "kinds")
        return Preferences(), [*faults, FieldError(field, say("is none of the choices, or is missing"))]


def _minute(text: str) -> int | None:
    """Read a time of day, `22:00`, as browsers send it."""
    hours, colon, minutes = text.partition(":")
    if not (colon and len(minutes) == 2 and hours.isascii() and minutes.isascii()):
        return None
    if not (hours.isdigit() and minutes.isdigit() and len(hours) <= 2):
        return None
    return int(hours) * 60 + int(minutes) if int(hours) < 24 and int(minutes) < 60 else None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


async def _page(
    work: Work,
    wanted: Preferences,
    *,
    said: str = "",
    fault: str = "",
    faults: list[FieldError] | None = None,
    status: int = 200,
) -> Template:
    may_see_channels = work.who.may(Permission.READ_CONFIG)
    channels = await notifications.list_channels(work.hot, work.who.project_id, work.config)
    is_quiet = wanted.quiet_from != wanted.quiet_to
    return work.page(
        "notifications.html",
        status=status,
        here="Notifications",
        said=said,
        fault=fault,
        errors={each.path: each.sentence for each in faults or ()},
        email=work.who.email,
        glance=await notifications.glance(work.hot, work.who),
        wanted=wanted,
        quiet_from=_clock(wanted.quiet_from) if is_quiet else "",
        quiet_to=_clock(wanted.quiet_to) if is_quiet else "",
        digest_at=_clock(wanted.digest_at),
        kinds=[(kind.value, gettext(title), kind in wanted.kinds) for kind, title in KINDS],
        digests=[(value, gettext(title)) for value, title in DIGESTS],
        channels=channels if may_see_channels else [],
        may_enable=work.who.may(Permission.WRITE_CONFIG),
        has_mail=bool(work.services.settings.smtp_url and work.services.settings.smtp_sender),
    )


def _back(work: Work, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/notifications?done={done}", status_code=303)
