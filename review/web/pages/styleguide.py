"""Every component in every state on one page, while `REVIEW_DEV_PAGES` is on."""

from datetime import timedelta

from litestar import get
from litestar.response import Template

from review.identity.second_factor import Enrolment
from review.kernel.clock import utc_now
from review.sla.calendars import Span
from review.web import forms
from review.web.guards import PUBLIC
from review.web.pages import specimen_fields, specimen_kinds, specimens


@get("/styleguide", opt={PUBLIC: True}, sync_to_thread=False)
def styleguide() -> Template:
    """Show the components."""
    now, form = utc_now(), specimens.form()
    choice = forms.first_choice(form)
    spans = (timedelta(minutes=-3), timedelta(minutes=9), timedelta(hours=5), timedelta(days=3))
    context = {
        "csrf_token": "",
        "visitor": None,
        "project": "support",
        "moments": [now + span for span in spans],
        "countdowns": specimens.countdowns(),
        "rungs": specimens.rungs(),
        "hours": [Span(540, 720), Span(780, 1050)],
        "changes": specimens.changes(),
        "story": specimens.story(),
        "form": form,
        "keys": choice.pointer if choice else None,
        "rare": specimen_fields.fields(),
        "pieces": specimens.blocks(),
        "pictures": specimens.pictures(),
        "players": specimen_kinds.players(),
        "veils": specimens.veils(),
        "bulk": specimen_kinds.bulk(),
        "enrolled": Enrolment("JBSW Y3DP EHPK 3PXP", "otpauth://totp/Countersign:ana?secret=JBSWY3DPEHPK3PXP"),
        "reshape": "/styleguide",
    }
    return Template(template_name="styleguide.html", context=context)


@get("/styleguide/desk", opt={PUBLIC: True}, sync_to_thread=False)
def specimen_desk() -> Template:
    """Show the review page with an item that was made up."""
    context = {"csrf_token": "", "visitor": None, "project": "support", "desk": specimens.desk(), "reshape": "#"}
    return Template(template_name="review.html", context=context)
