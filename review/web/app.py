"""The web application: the API, the pages, and what surrounds them."""

import gc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler

from review.kernel.settings import Settings
from review.web import limits, parameters
from review.web.api import (
    assurance,
    audit,
    backtests,
    bulk,
    clocks,
    comments,
    config,
    datasets,
    entry_lists,
    erasures,
    escalation,
    events,
    feedback,
    formats,
    health,
    imports,
    in_hand,
    items,
    keys,
    lists,
    model_versions,
    openapi,
    overrides,
    people,
    questions,
    queue,
    reference,
    reviewers,
    rollouts,
    schedules,
    stops,
    versions,
    webhooks,
)
from review.web.compression import compressed
from review.web.errors import API_HANDLERS
from review.web.front import fronted
from review.web.guards import OF_LITESTAR, address_guard, encoding_guard, key_guard
from review.web.pages import headers, site
from review.web.pages.refusals import to_person
from review.web.parameters import known_parameters_guard
from review.web.services import DEPENDENCIES, Services
from review.web.stopping import when_told_to_stop
from review.web.timing import timed

API: Sequence[ControllerRouterHandler] = (
    items.submit_item,
    items.submit_batch,
    items.list_items,
    lists.list_queue,
    items.get_item,
    items.get_history,
    items.withdraw_item,
    items.override_item,
    overrides.get_override,
    overrides.confirm_override,
    overrides.withdraw_override,
    stops.list_stops,
    stops.stop_subject,
    stops.resume_stop,
    stops.stop_source,
    stops.resume_source,
    stops.stop_item_type,
    stops.resume_item_type,
    reviewers.list_reviewers,
    assurance.list_estimates,
    assurance.get_advice,
    model_versions.list_models,
    model_versions.compare_models,
    model_versions.clear_model,
    model_versions.revoke_model,
    assurance.list_seen,
    comments.list_comments,
    comments.write_comment,
    questions.ask,
    questions.answer_question,
    clocks.get_clock,
    clocks.pause_item,
    clocks.resume_item,
    queue.claim,
    queue.extend,
    queue.release,
    queue.skip,
    queue.escalate,
    queue.review,
    in_hand.list_kept,
    in_hand.snooze,
    in_hand.take_up,
    in_hand.send_back,
    in_hand.pin,
    bulk.preview_bulk,
    bulk.begin_bulk,
    bulk.list_bulk,
    bulk.get_bulk,
    bulk.undo_bulk,
    bulk.stop_bulk,
    escalation.acknowledge,
    backtests.begin_backtest,
    backtests.list_backtests,
    backtests.get_backtest,
    backtests.stop_backtest,
    config.get_config,
    config.put_config,
    config.check_config,
    config.evaluate_config,
    entry_lists.store_list,
    versions.list_versions,
    versions.propose_config,
    versions.approve_config,
    versions.activate_config,
    versions.withdraw_config,
    versions.roll_back_config,
    rollouts.start_rollout,
    rollouts.list_rollouts,
    rollouts.get_rollout,
    rollouts.list_differences,
    rollouts.go_live,
    rollouts.widen_rollout,
    rollouts.pause_rollout,
    rollouts.resume_rollout,
    rollouts.end_rollout,
    feedback.list_feedback,
    feedback.export_feedback,
    erasures.request_erasure,
    erasures.preview_erasure,
    erasures.list_erasures,
    erasures.get_erasure,
    datasets.list_datasets,
    datasets.create_dataset,
    datasets.preview_dataset,
    datasets.get_dataset,
    datasets.change_dataset,
    schedules.get_schedule,
    schedules.put_schedule,
    schedules.remove_schedule,
    datasets.begin_snapshot,
    datasets.list_snapshots,
    datasets.get_snapshot,
    datasets.stop_snapshot,
    datasets.retry_snapshot,
    datasets.get_manifest,
    datasets.read_snapshot_file,
    datasets.compare_snapshots,
    datasets.list_snapshots_of_item,
    formats.export_snapshot,
    formats.check_export,
    imports.begin_import,
    imports.list_imports,
    imports.get_import,
    imports.read_import_errors,
    imports.stop_import,
    events.read_events,
    audit.list_entries,
    audit.export_audit,
    audit.get_checkpoint,
    audit.get_consistency,
    audit.get_proof,
    webhooks.list_endpoints,
    webhooks.get_endpoint,
    webhooks.list_deliveries,
    webhooks.replay_deliveries,
    webhooks.show_secret,
    webhooks.rotate_secret,
    webhooks.test_endpoint,
    webhooks.enable_endpoint,
    webhooks.disable_endpoint,
    webhooks.get_delivery,
    webhooks.replay_delivery,
    people.list_people,
    people.get_person,
    people.change_person,
    people.remove_person,
    keys.list_keys,
    keys.create_key,
    keys.rotate_key,
    keys.revoke_key,
    keys.list_tokens,
    keys.create_token,
    keys.rotate_token,
    keys.revoke_token,
)
SURROUNDINGS: Sequence[ControllerRouterHandler] = (
    health.get_health,
    health.get_readiness,
    health.get_metrics,
    openapi.openapi_document,
    reference.show_calls,
    reference.show_errors,
)


def create_app(settings: Settings | None = None) -> Litestar:
    """Put the application together; it connects when it starts and lets go when it stops."""
    chosen = settings or Settings.from_env()

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncGenerator[None]:
        services = await Services.start(app.state.settings)
        app.state.services = services
        if settings is None:  # a process of its own, whose signals and memory are ours to arrange
            when_told_to_stop(services.release)
            gc.freeze()  # what start-up made stays for good; a full collection need not walk it again and again
        yield
        await services.stop()

    api = Router(
        "/api/v1",
        route_handlers=API,
        guards=[key_guard, known_parameters_guard],
        exception_handlers=API_HANDLERS,
        tags=["v1"],
    )
    app = Litestar(
        route_handlers=[api, *SURROUNDINGS, *site.pages(with_dev_pages=chosen.dev_pages)],
        dependencies=DEPENDENCIES,
        guards=[address_guard, encoding_guard],
        exception_handlers={Exception: to_person},
        lifespan=[connected],
        middleware=[health.measured, limits.told, timed(chosen)],
        before_send=[headers.secured(chosen)],
        template_config=site.templates(),
        openapi_config=OpenAPIConfig(
            title="Countersign",
            version="1",
            use_handler_docstrings=True,
            path=OF_LITESTAR,
            render_plugins=[JsonRenderPlugin()],
        ),
        request_max_body_size=chosen.max_body_bytes,
        state=State({"settings": chosen}),
    )
    app.asgi_handler = fronted(compressed(app.asgi_handler), chosen)
    parameters.declare(app)
    return app
