"""The HTML side of the application, ready to be mounted: pages, static files, templates."""

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router  # pyright: ignore[reportUnknownVariableType]  untyped there
from litestar.template import TemplateConfig
from litestar.types import ControllerRouterHandler

from review.kernel.resources import static_dir, templates_dir
from review.web.guards import PUBLIC, session_guard
from review.web.pages.account import AccountPages
from review.web.pages.assignments import AssignmentPages
from review.web.pages.assurance import AssurancePages
from review.web.pages.audit import AuditPages
from review.web.pages.bulk import BulkPages
from review.web.pages.clocks import clocks_page
from review.web.pages.comments import CommentPages
from review.web.pages.datasets import DatasetPages
from review.web.pages.due import due_page
from review.web.pages.editor import EditorPages
from review.web.pages.environment import build_environment
from review.web.pages.erasures import ErasurePages
from review.web.pages.federation import federation_pages
from review.web.pages.find import find_page
from review.web.pages.flow import FlowPages
from review.web.pages.forgotten import choose, choose_form, forgot_form, send_link
from review.web.pages.formats import FormatPages
from review.web.pages.imports import ImportPages
from review.web.pages.in_hand import InHandPages
from review.web.pages.items import ItemPages
from review.web.pages.keys import KeyPages
from review.web.pages.lists import ListPages
from review.web.pages.media import ContentPages
from review.web.pages.model_versions import ModelPages
from review.web.pages.notifications import NotificationPages, acknowledge_page
from review.web.pages.overrides import OverridePages
from review.web.pages.passkeys import PasskeyPages, begin_passkey_sign_in, sign_in_with_passkey
from review.web.pages.people import PeoplePages
from review.web.pages.preferences import PreferencesPages
from review.web.pages.questions import answer_upstream, ask_upstream
from review.web.pages.queue import QueuePages, projects
from review.web.pages.refusals import to_person
from review.web.pages.rehearsals import RehearsalPages
from review.web.pages.reviewers import reviewers_page
from review.web.pages.rollouts import RolloutPages
from review.web.pages.session import code_form, finish_sign_in, sign_in, sign_in_form, sign_out
from review.web.pages.stops import StopPages, stop_in_hand
from review.web.pages.styleguide import specimen_desk, styleguide
from review.web.pages.understanding import beside_page
from review.web.pages.versions import VersionPages
from review.web.pages.webhooks import WebhookPages

A_YEAR_SECONDS = 365 * 24 * 60 * 60  # a file's address changes with its content


def pages(*, with_dev_pages: bool) -> list[ControllerRouterHandler]:
    """Give every page, behind the session guard, and the static files."""
    handlers: list[ControllerRouterHandler] = [
        sign_in_form,
        sign_in,
        sign_out,
        projects,
        QueuePages,
        ListPages,
        AssignmentPages,
        FlowPages,
        InHandPages,
        ItemPages,
        ContentPages,
        due_page,
        clocks_page,
        WebhookPages,
        AuditPages,
    ]
    handlers += [
        NotificationPages,
        acknowledge_page,
        OverridePages,
        StopPages,
        VersionPages,
        stop_in_hand,
        reviewers_page,
    ]
    handlers += [code_form, finish_sign_in, forgot_form, send_link, choose_form, choose, AccountPages]
    handlers += [PeoplePages, KeyPages, *federation_pages()]
    handlers += [begin_passkey_sign_in, sign_in_with_passkey, PasskeyPages]
    handlers += [beside_page, CommentPages, ask_upstream, answer_upstream]
    handlers += [PreferencesPages, find_page, BulkPages, RehearsalPages, RolloutPages, AssurancePages, EditorPages]
    handlers += [ModelPages, DatasetPages, FormatPages, ErasurePages, ImportPages]
    if with_dev_pages:
        handlers += [styleguide, specimen_desk]
    return _mounted(handlers)


def _mounted(handlers: list[ControllerRouterHandler]) -> list[ControllerRouterHandler]:
    site = Router(
        "/",
        route_handlers=handlers,
        guards=[session_guard],
        exception_handlers={Exception: to_person},
        include_in_schema=False,
    )
    static = create_static_files_router(
        path="/static",
        directories=[static_dir()],
        cache_control=CacheControlHeader(max_age=A_YEAR_SECONDS, immutable=True, public=True),
        opt={PUBLIC: True},
        include_in_schema=False,
    )
    return [site, static]


def templates() -> TemplateConfig[JinjaTemplateEngine]:
    """Give the template engine over our own environment."""
    engine = JinjaTemplateEngine.from_environment(build_environment(templates_dir(), static_dir()))
    return TemplateConfig(instance=engine)
