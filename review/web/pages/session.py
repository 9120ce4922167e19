"""Signing in and out in the browser, with a code where one is asked for."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Response, Template

from review.delivery.notifications.letters import is_mail_set
from review.identity import accounts, sessions
from review.identity.accounts import HalfDone, Step
from review.identity.errors import CodeRefused, SecondFactorConflict, SignInRefused, StepGone, TooManyAttempts
from review.identity.oidc import logout
from review.identity.passkeys import Party
from review.web.guards import PUBLIC, session_of
from review.web.pages.cookies import (
    browser_of,
    cookies_of,
    door_of,
    local_path,
    session_cookie,
    step_cookie,
    step_of,
)
from review.web.pages.federation import buttons, farewell_page
from review.web.pages.reading import first, read_form, read_pairs
from review.web.services import AnyRequest, Services, Svc, Tx
from review.web.words.catalogue import N_, one_of

Target = Annotated[str, QueryParameter(name="next")]
Done = Annotated[str, QueryParameter(name="done")]
SAID = {
    "password": N_("Your new password holds, and every session was ended. Sign in with it."),
    "everywhere": N_("You are signed out everywhere."),
}


@get("/sign-in", opt={PUBLIC: True}, sync_to_thread=False)
def sign_in_form(services: Svc, target: Target = "/", done: Done = "") -> Template:
    """Ask who is there."""
    return form(services, target, said=one_of(SAID, done))


@post("/sign-in", opt={PUBLIC: True}, status_code=200)
async def sign_in(request: AnyRequest, services: Svc) -> Response[Any]:
    """Open a session and go where the visitor was going, or ask for their code first."""
    pairs = await read_pairs(request)
    email, target, browser = first(pairs, "email")[: accounts.MAX_EMAIL], first(pairs, "next"), browser_of(request)
    door = door_of(services)
    try:
        async with services.sign_ins:
            outcome = await accounts.sign_in(door, email=email, password=first(pairs, "password"), browser=browser)
    except SignInRefused as refusal:
        services.errands.start(accounts.note_refusal(door, email=email, browser=browser, failures=refusal.failures))
        return form(services, target, email=email, fault=refusal.sentence, status=refusal.status)
    except TooManyAttempts as refusal:
        answer = form(services, target, email=email, fault=refusal.sentence, status=refusal.status)
        return later(answer, refusal)
    if isinstance(outcome, HalfDone):
        address = f"/sign-in/code?{urlencode({'next': local_path(target)})}"
        return Redirect(address, status_code=303, cookies=[step_cookie(services, outcome.cookie)])
    return Redirect(local_path(target), status_code=303, cookies=cookies_of(services, outcome))


@get("/sign-in/code", opt={PUBLIC: True})
async def code_form(request: AnyRequest, services: Svc, target: Target = "/") -> Response[Any]:
    """Ask for the code of a sign-in whose password was right, or have a second factor set up first."""
    try:
        step = await accounts.get_step(door_of(services), step_of(request))
    except StepGone as refusal:
        return form(services, target, fault=refusal.sentence, status=refusal.status)
    return _code_form(step, target)


@post("/sign-in/code", opt={PUBLIC: True}, status_code=200)
async def finish_sign_in(request: AnyRequest, services: Svc) -> Response[Any]:
    """Open the session that the code was asked for."""
    pairs = await read_pairs(request)
    target, door, cookie = first(pairs, "next"), door_of(services), step_of(request)
    try:
        step = await accounts.get_step(door, cookie)
        try:
            signed_in = await accounts.finish_sign_in(
                door, cookie=cookie, code=first(pairs, "code"), browser=browser_of(request)
            )
        except (CodeRefused, SecondFactorConflict) as refusal:
            return _code_form(step, target, fault=refusal.sentence, status=refusal.status)
        except TooManyAttempts as refusal:
            return later(_code_form(step, target, fault=refusal.sentence, status=refusal.status), refusal)
    except StepGone as refusal:
        return form(services, target, fault=refusal.sentence, status=refusal.status)
    cookies = cookies_of(services, signed_in)
    if signed_in.recovery_codes:
        return show_recovery_codes(signed_in.recovery_codes, onward=local_path(target), cookies=cookies)
    return Redirect(local_path(target), status_code=303, cookies=cookies)


@post("/sign-out", opt={"any_role": True}, status_code=200)
async def sign_out(request: AnyRequest, services: Svc, tx: Tx) -> Response[Any]:
    """End the session, and go on to the identity provider that vouched for it, if one did."""
    await read_form(request)
    browser = browser_of(request)
    cookie = session_of(request)
    farewell = await logout.find_farewell(services.db, services.federation, cookie)
    await sessions.sign_out(tx, cookie, origin=browser.origin)
    if farewell is not None:
        return farewell_page(services, farewell)
    return Redirect("/sign-in", status_code=303, cookies=[session_cookie(services, "", 0)])


def show_recovery_codes(codes: tuple[str, ...], *, onward: str, cookies: list[Any] | None = None) -> Template:
    """Show new recovery codes, which are shown this once."""
    context = {"csrf_token": "", "visitor": None, "codes": codes, "onward": onward}
    return Template(template_name="recovery_codes.html", context=context, cookies=cookies)


def _code_form(step: Step, target: str, *, fault: str = "", status: int = 200) -> Template:
    context = {
        "csrf_token": "",
        "visitor": None,
        "next": local_path(target),
        "email": step.email,
        "enrolment": step.enrolment,
        "fault": fault,
    }
    return Template(template_name="sign_in_code.html", context=context, status_code=status)


def form(
    services: Services, target: str, *, email: str = "", said: str = "", fault: str = "", status: int = 200
) -> Template:
    """Show the sign-in page."""
    context = {
        "csrf_token": "",
        "visitor": None,
        "next": local_path(target),
        "email": email,
        "said": said,
        "fault": fault,
        "providers": buttons(services),
        "has_mail": is_mail_set(services.settings),
        "has_passkeys": Party.of(services.base_url).has_name,
    }
    return Template(template_name="sign_in.html", context=context, status_code=status)


def later(answer: Template, refusal: TooManyAttempts) -> Template:
    """Say when the next attempt may be made."""
    answer.headers["Retry-After"] = str(refusal.seconds)
    return answer
