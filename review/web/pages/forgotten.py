"""A new password by a link: asking for one by mail, and choosing the password that it leads to."""

from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response, Template

from review.delivery.notifications import letters
from review.identity import password_changes
from review.identity.accounts import MAX_EMAIL, Door
from review.identity.errors import IdentityInvalid, TooManyAttempts
from review.identity.password_changes import Chooser
from review.identity.sessions import Browser
from review.kernel.settings import Settings
from review.web.guards import PUBLIC
from review.web.pages.cookies import browser_of, door_of
from review.web.pages.reading import first, read_pairs
from review.web.services import AnyRequest, Svc, Tx
from review.web.words.catalogue import N_, gettext
from review.web.words.sentences import translated

SENT: Final = N_(
    "If there is an account with a password for this address, a link is on its way to it. "
    "It works once, within the hour."
)


@get("/forgot-password", opt={PUBLIC: True}, sync_to_thread=False)
def forgot_form(services: Svc) -> Template:
    """Ask for which address a new password is wanted."""
    return _forgot(services.settings)


@post("/forgot-password", opt={PUBLIC: True}, status_code=200)
async def send_link(request: AnyRequest, services: Svc) -> Template:
    """Have a link mailed, and say the same whether there is such an account or not."""
    pairs = await read_pairs(request)
    if not letters.is_mail_set(services.settings):
        return _forgot(services.settings, status=409)
    door, browser, email = door_of(services), browser_of(request), first(pairs, "email")[:MAX_EMAIL]
    try:
        await password_changes.ask_for_link(door, browser=browser)
    except TooManyAttempts as refusal:
        answer = _forgot(services.settings, email=email, fault=refusal.sentence, status=refusal.status)
        answer.headers["Retry-After"] = str(refusal.seconds)
        return answer
    services.errands.start(_mail(door, services.settings, email=email, browser=browser))
    return _forgot(services.settings, said=gettext(SENT))


@get("/choose-password/{link:str}", opt={PUBLIC: True})
async def choose_form(tx: Tx, link: FromPath[str]) -> Template:
    """Ask for a new password; the link stays good, for what scans mails opens links too."""
    return _choose(await password_changes.get_chooser(tx, link), link)


@post("/choose-password/{link:str}", opt={PUBLIC: True}, status_code=200)
async def choose(request: AnyRequest, services: Svc, link: FromPath[str]) -> Response[Any]:
    """Store the new password, end every session, and go to sign in."""
    pairs = await read_pairs(request)
    door = door_of(services)
    async with door.db.transaction() as tx:
        chooser = await password_changes.get_chooser(tx, link)
    new = first(pairs, "new")
    if new != first(pairs, "again"):
        return _choose(
            chooser, link, fault=gettext("The two are not the same. Nothing was changed; type them again."), status=422
        )
    try:
        async with services.sign_ins:
            await password_changes.choose_password(door, secret=link, new=new, browser=browser_of(request))
    except IdentityInvalid as refusal:
        fault = gettext("The password %(fault)s.", fault=translated(refusal.errors[0].sentence))
        return _choose(chooser, link, fault=fault, status=refusal.status)
    return Redirect("/sign-in?done=password", status_code=303)


async def _mail(door: Door, settings: Settings, *, email: str, browser: Browser) -> None:
    """Make the link and mail it, where there is an account to mail it for; its address is ours, not the request's."""
    link = await password_changes.link_for(door, email=email, browser=browser)
    if link is not None:
        minutes = int(link.lifetime.total_seconds() // 60)
        url = f"{settings.public_url}/choose-password/{link.secret}"
        await letters.send_password_link(settings, address=link.email, url=url, minutes=minutes)


def _forgot(settings: Settings, *, email: str = "", said: str = "", fault: str = "", status: int = 200) -> Template:
    context = {
        "csrf_token": "",
        "visitor": None,
        "email": email,
        "said": said,
        "fault": fault,
        "has_mail": letters.is_mail_set(settings),
    }
    return Template(template_name="forgot_password.html", context=context, status_code=status)


def _choose(chooser: Chooser, link: str, *, fault: str = "", status: int = 200) -> Template:
    context = {"csrf_token": "", "visitor": None, "link": link, "chooser": chooser, "fault": fault}
    return Template(template_name="choose_password.html", context=context, status_code=status)
