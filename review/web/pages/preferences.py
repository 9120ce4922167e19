"""How the reader likes to work, on one page: looks, times, keys."""

from typing import Any, Final

from litestar import Controller, get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Response, Template

from review.identity import preferences
from review.identity.preferences import TEXT_SIZES, Preferences
from review.identity.sessions import Visitor
from review.web.pages import words
from review.web.pages.keymap import KEYS
from review.web.pages.reading import Pairs, first, read_form
from review.web.services import AnyRequest, Tx
from review.web.words import catalogue
from review.web.words.catalogue import N_, gettext, one_of

HERE: Final = "/preferences"
SAID: Final = {
    "kept": N_("Kept. It counts on every page from now on."),
    "keys": N_("Every key does again what it did at first."),
}
TEXTS: Final = ("scheme", "density", "motion", "zone", "language", "blur", "greyscale", "mute")
NUMBERS: Final = ("text_size", "hours", "break_after")


class PreferencesPages(Controller):
    """The page of preferences, which count in every project; each form works without script."""

    path = HERE
    opt = {"any_role": True}  # noqa: RUF012  Litestar's own name, which it does not change

    @get("/")
    async def show(self, request: AnyRequest, done: FromQuery[str] = "") -> Template:
        """Show what the reader chose."""
        return _page(request.auth, request.auth.preferences, said=one_of(SAID, done))

    @post("/", status_code=200)
    async def change(self, request: AnyRequest, tx: Tx) -> Response[Any]:
        """Keep what the reader chose; what cannot be is said beside its field, and nothing is kept."""
        pairs = await read_form(request)
        visitor: Visitor = request.auth
        does = {name: gettext(act) for name, act in KEYS.items()}
        chosen, faults = preferences.check(_fields(pairs), does, catalogue.installed())
        if faults:
            typed = {name: first(pairs, f"key-{name}") for name in KEYS}
            return _page(visitor, chosen, faults=faults, typed=typed, zone=first(pairs, "zone"), status=422)
        await preferences.keep(tx, visitor.user_id, chosen)
        return Redirect(f"{HERE}?done=kept", status_code=303)

    @post("/keys/reset", status_code=200)
    async def reset_keys(self, request: AnyRequest, tx: Tx) -> Redirect:
        """Give every key back what it did at first."""
        await read_form(request)
        visitor: Visitor = request.auth
        await preferences.keep(tx, visitor.user_id, preferences.without_keys(visitor.preferences))
        return Redirect(f"{HERE}?done=keys", status_code=303)


def _fields(pairs: Pairs) -> dict[str, Any]:
    sent = dict(pairs)
    fields: dict[str, Any] = {name: sent[name].strip() for name in TEXTS if name in sent}
    for name in NUMBERS:
        if name in sent:
            text = sent[name].strip()
            fields[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else text
    fields["single_keys"] = "single_keys" in sent
    fields["keys"] = {name: sent.get(f"key-{name}", "") for name in KEYS}
    return fields


def _page(
    visitor: Visitor,
    chosen: Preferences,
    *,
    said: str = "",
    faults: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    zone: str | None = None,
    status: int = 200,
) -> Template:
    context = {
        "csrf_token": visitor.csrf_token,
        "visitor": visitor,
        "chosen": chosen,
        "zone": chosen.zone if zone is None else zone,
        "read_in": str(words.reader().zone),
        "zones": sorted(preferences.zones()),
        "languages": catalogue.installed(),
        "sizes": TEXT_SIZES,
        "keys": [(name, typed[name] if typed else chosen.own_key(name), gettext(does)) for name, does in KEYS.items()],
        "said": said,
        "faults": faults or {},
    }
    return Template(template_name="preferences.html", context=context, status_code=status)
