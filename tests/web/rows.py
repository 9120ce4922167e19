"""What it takes to call each route: the rows of the matrix of who may call what (`tests/web/matrix.py`)."""

from dataclasses import dataclass, field
from typing import Any

from tests.make import submission


@dataclass(frozen=True)
class Row:
    """What it takes to call a route: a body for the API, fields for a form.

    `also` are further ways to ask, as query or headers; one whose `is_open` would wait for ever where it is allowed.
    `ends` marks what leaves nothing to call after it, `leaves` what signs the caller out and so comes last,
    `finds_nothing` what answers 404 although it was allowed, and `is_door` what answers 401 to whom it does not know,
    as signing in does; `keeps_blind` what answers 403 to whoever is still to judge the item.
    """

    body: Any = None
    form: dict[str, str] = field(default_factory=dict[str, str])
    also: tuple["Way", ...] = ()
    ends: bool = False
    leaves: bool = False
    finds_nothing: bool = False
    is_door: bool = False
    keeps_blind: bool = False


@dataclass(frozen=True)
class Way:
    """Another way to ask the same."""

    query: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    is_open: bool = False


PLAIN, WAIT, HTMX = Way(), Way("?wait=0.2"), Way(headers={"hx-request": "true", "accept": "text/html"})
NDJSON, STREAM = (
    Way(headers={"accept": "application/x-ndjson"}),
    Way(headers={"accept": "text/event-stream"}, is_open=True),
)
FENCE, JUDGED = {"fence": 1}, {"fence": 1, "verdict": "approve"}
REASON = {"reason": "it moves house"}
NOWHERE = "00000000-0000-0000-0000-000000000001"
PROPOSAL = {"proposal": "00000000-0000-0000-0000-000000000001"}
BULK = {"act": "decide", "verdict": "reject", "items": ["00000000-0000-0000-0000-000000000001"], "reason": "a batch"}
BULK_FORM = {"act": "reject", "item": "00000000-0000-0000-0000-000000000001", "reason": "a batch"}
ROTATE = {"overlap_hours": "24", "kind": "hmac"}

ROWS: dict[str, Row] = {
    # Anybody.
    **{
        f"GET {path}": Row() for path in ("/api", "/api/errors", "/api/openapi.json", "/healthz", "/metrics", "/readyz")
    },
    **{f"GET {path}": Row() for path in ("/sign-in", "/styleguide", "/styleguide/desk", "/static/{file_path}")},
    "HEAD /static/{file_path}": Row(),
    "POST /sign-in": Row(form={"email": "nobody@example.com", "password": "no"}, is_door=True),
    "GET /": Row(),
    "POST /sign-out": Row(leaves=True, is_door=True),
    **{f"GET {path}": Row() for path in ("/forgot-password", "/choose-password/{link}")},
    "GET /sign-in/code": Row(is_door=True),
    "POST /sign-in/code": Row(form={"code": "000000"}, is_door=True),
    "POST /forgot-password": Row(form={"email": "nobody@example.com"}),
    "POST /choose-password/{link}": Row(form={"password": "correct horse battery"}),
    "POST /sign-in/with/{provider}": Row(finds_nothing=True),
    "GET /sign-in/with/{provider}/callback": Row(finds_nothing=True),
    "POST /sign-in/with/{provider}/link": Row(finds_nothing=True),
    "GET /sign-in/linked": Row(),
    "POST /sign-out/back-channel/{provider}": Row(form={"logout_token": "x"}, finds_nothing=True),
    "GET /sign-out/front-channel/{provider}": Row(finds_nothing=True),
    "GET /account": Row(),
    "GET /preferences": Row(),
    "POST /preferences": Row(form={"scheme": "dark"}),
    "POST /preferences/keys/reset": Row(),
    "POST /account/password": Row(form={"present": "no", "password": "no"}),
    "POST /account/second-factor/begin": Row(),
    **{
        f"POST /account/second-factor/{act}": Row(form={"code": "000000", "password": "no"})
        for act in ("confirm", "off", "recovery-codes")
    },
    "POST /account/sessions/end": Row(form={"session": "x"}, finds_nothing=True),
    "POST /account/sessions/end-others": Row(),
    "POST /account/sessions/end-all": Row(leaves=True),
    "POST /sign-in/passkey/begin": Row(),
    "POST /sign-in/passkey": Row(form={"credential": "{}"}, is_door=True),
    "POST /account/passkeys/begin": Row(form={"name": "laptop"}),
    "POST /account/passkeys": Row(form={"name": "laptop", "credential": "{}"}),
    "POST /account/passkeys/remove": Row(form={"passkey": "x"}),
    # The API.
    "POST /api/v1/items": Row(submission(), also=(WAIT,)),
    "POST /api/v1/items/batch": Row({"items": [submission()]}),
    "GET /api/v1/queue": Row(also=(Way("?status=any&sort=newest"), Way("?text=OCELOT"), Way("?sort=doubt&limit=1"))),
    "GET /api/v1/items": Row(also=(Way("?pool=seniors"), Way("?status=queued"), Way("?type=ticket_intent"))),
    "GET /api/v1/items/{item_id}": Row(also=(WAIT,)),
    "GET /api/v1/items/{item_id}/history": Row(),
    "GET /api/v1/items/{item_id}/snapshots": Row(),
    "GET /api/v1/items/{item_id}/clock": Row(),
    "GET /api/v1/items/{item_id}/comments": Row(),
    "POST /api/v1/items/{item_id}/comments": Row({"text": "see the other one"}),
    "POST /api/v1/items/{item_id}/questions/{question_id}/answer": Row({"answer": "yes"}, finds_nothing=True),
    "POST /api/v1/assignments/{assignment_id}/ask": Row(FENCE | {"text": "which card?"}, ends=True),
    "POST /api/v1/items/{item_id}/withdraw": Row({}, ends=True),
    "POST /api/v1/items/{item_id}/override": Row({"verdict": "reject", "reason": "policy"}, ends=True),
    "POST /api/v1/items/{item_id}/pause": Row({"reason": "waiting for upstream"}),
    "POST /api/v1/items/{item_id}/resume": Row({}),
    "POST /api/v1/items/{item_id}/acknowledge": Row({}),
    "GET /api/v1/items/{item_id}/proof": Row(finds_nothing=True, keeps_blind=True),
    "GET /api/v1/items/{item_id}/override": Row(finds_nothing=True, keeps_blind=True),
    "POST /api/v1/items/{item_id}/override/confirm": Row(PROPOSAL, finds_nothing=True, keeps_blind=True),
    "POST /api/v1/items/{item_id}/override/withdraw": Row(PROPOSAL, finds_nothing=True, keeps_blind=True),
    "POST /api/v1/pools/{pool}/claims": Row({"limit": 1}),
    "POST /api/v1/assignments/{assignment_id}/extend": Row(FENCE),
    "POST /api/v1/assignments/{assignment_id}/release": Row(FENCE, ends=True),
    "POST /api/v1/assignments/{assignment_id}/skip": Row(FENCE, ends=True),
    "POST /api/v1/assignments/{assignment_id}/escalate": Row(FENCE, ends=True),
    "POST /api/v1/assignments/{assignment_id}/review": Row(JUDGED, ends=True),
    "GET /api/v1/assignments/kept": Row(),
    "POST /api/v1/assignments/{assignment_id}/snooze": Row(FENCE | {"until": "2026-01-01T00:00:00Z"}, ends=True),
    "POST /api/v1/assignments/{assignment_id}/take-up": Row(ends=True),
    "POST /api/v1/assignments/{assignment_id}/send-back": Row(FENCE | {"to": "triage"} | REASON, ends=True),
    "POST /api/v1/assignments/{assignment_id}/pin": Row(FENCE),
    "POST /api/v1/bulk/preview": Row(BULK),
    "POST /api/v1/bulk": Row(BULK),
    "GET /api/v1/bulk": Row(),
    "GET /api/v1/bulk/{act_id}": Row(),
    "POST /api/v1/bulk/{act_id}/undo": Row(),
    "POST /api/v1/bulk/{act_id}/stop": Row(),
    "GET /api/v1/config": Row(),
    "PUT /api/v1/config": Row({"project": "elsewhere"}),
    "POST /api/v1/config/check": Row({"project": "elsewhere"}),
    "POST /api/v1/config/evaluate": Row({"document": "project: elsewhere", "item": {}}),
    "POST /api/v1/config/lists": Row("XX"),
    "GET /api/v1/config/versions": Row(),
    "POST /api/v1/config/candidates": Row({"project": "elsewhere"}),
    **{
        f"POST /api/v1/config/versions/{{version}}/{act}": Row({}, finds_nothing=True)
        for act in ("approve", "activate", "withdraw", "roll-back")
    },
    "GET /api/v1/feedback": Row(also=(NDJSON,)),
    "GET /api/v1/feedback/export": Row(also=(Way("?format=csv"), Way("?format=parquet"))),
    "GET /api/v1/events": Row(also=(Way("?after=0"), STREAM)),
    "GET /api/v1/webhooks": Row(),
    "GET /api/v1/webhooks/{name}": Row(),
    "GET /api/v1/webhooks/{name}/deliveries": Row(),
    "POST /api/v1/webhooks/{name}/replay": Row({"state": "dead"}),
    "POST /api/v1/webhooks/{name}/disable": Row(REASON),
    **{f"POST /api/v1/webhooks/{{name}}/{act}": Row() for act in ("secret", "rotate", "test", "enable")},
    "GET /api/v1/deliveries/{delivery_id}": Row(),
    "POST /api/v1/deliveries/{delivery_id}/replay": Row(),
    "GET /api/v1/people": Row(),
    "GET /api/v1/people/{person_id}": Row(),
    "PUT /api/v1/people/{person_id}": Row({"role": "reviewer", "pools": ["triage"]}),
    "DELETE /api/v1/people/{person_id}": Row(ends=True),
    "GET /api/v1/keys": Row(),
    "POST /api/v1/keys": Row({"name": "crm", "scopes": ["items:read"]}),
    "POST /api/v1/keys/{key_id}/rotate": Row({}),
    "POST /api/v1/keys/{key_id}/revoke": Row({}, ends=True),
    "GET /api/v1/tokens": Row(),
    "POST /api/v1/tokens": Row({"name": "laptop", "scopes": ["items:read"]}),
    "POST /api/v1/tokens/{token_id}/rotate": Row({}),
    "POST /api/v1/tokens/{token_id}/revoke": Row({}, ends=True),
    "GET /api/v1/audit": Row(also=(Way("?action=item.submitted"),)),
    "GET /api/v1/audit/checkpoint": Row(finds_nothing=True),
    "GET /api/v1/audit/consistency": Row(also=(Way("?from=1&to=1"),)),
    "GET /api/v1/audit/export": Row(keeps_blind=True),
    "GET /api/v1/reviewers": Row(),
    "GET /api/v1/assurance/estimates": Row(),
    "GET /api/v1/assurance/seen": Row(also=(Way("?type=ticket_intent&path=output.label"),)),
    "GET /api/v1/assurance/advice": Row(also=(Way("?type=ticket_intent&model=m@1"),)),
    "GET /api/v1/models": Row(also=(Way("?state=waiting"),)),
    "GET /api/v1/models/compare": Row(also=(Way(f"?a={NOWHERE}&b={NOWHERE}"),), finds_nothing=True),
    "POST /api/v1/models/clear": Row({"name": "crm_model", **REASON}),
    "POST /api/v1/models/revoke": Row({"name": "crm_model", **REASON}),
    "GET /api/v1/stops": Row(),
    "POST /api/v1/stops": Row({"kind": "item_type", "subject": "crm_type", **REASON}),
    "POST /api/v1/stops/{stop_id}/resume": Row(REASON, finds_nothing=True),
    **{f"POST /api/v1/sources/{{source_id}}/{act}": Row(REASON) for act in ("stop", "resume")},
    **{f"POST /api/v1/item-types/{{item_type}}/{act}": Row(REASON) for act in ("stop", "resume")},
    "GET /api/v1/erasures": Row(),
    "POST /api/v1/erasures": Row({"subject": "nobody", **REASON}, finds_nothing=True),
    "POST /api/v1/erasures/preview": Row({"subject": "nobody", **REASON}),
    "GET /api/v1/erasures/{erasure_id}": Row(),
    "GET /api/v1/imports": Row(),
    "POST /api/v1/imports": Row({}),
    **{f"GET /api/v1/imports/{{import_number}}{what}": Row() for what in ("", "/errors")},
    "POST /api/v1/imports/{import_number}/stop": Row(ends=True),
    "GET /api/v1/datasets": Row(),
    "POST /api/v1/datasets": Row({"name": "fresh"}),
    "POST /api/v1/datasets/preview": Row({}),
    "GET /api/v1/datasets/{name}": Row(),
    "PUT /api/v1/datasets/{name}": Row({"description": "changed"}),
    "GET /api/v1/datasets/{name}/schedule": Row(finds_nothing=True),
    "PUT /api/v1/datasets/{name}/schedule": Row({"new_records": 500}),
    "DELETE /api/v1/datasets/{name}/schedule": Row(ends=True),
    "GET /api/v1/datasets/{name}/snapshots": Row(),
    "POST /api/v1/datasets/{name}/snapshots": Row({}),
    "GET /api/v1/datasets/{name}/snapshots/{number}": Row(),
    **{f"POST /api/v1/datasets/{{name}}/snapshots/{{number}}/{act}": Row(ends=True) for act in ("stop", "retry")},
    "GET /api/v1/datasets/{name}/snapshots/{number}/manifest": Row(finds_nothing=True),
    "GET /api/v1/datasets/{name}/snapshots/{number}/files/{file}": Row(finds_nothing=True),
    "GET /api/v1/datasets/{name}/snapshots/{number}/difference": Row(finds_nothing=True),
    "GET /api/v1/datasets/{name}/snapshots/{number}/export": Row(finds_nothing=True),
    "GET /api/v1/datasets/{name}/snapshots/{number}/export/check": Row(finds_nothing=True),
    "GET /api/v1/config/rollouts": Row(),
    "POST /api/v1/config/rollouts": Row({"version": 1}),
    "GET /api/v1/config/rollouts/{rollout_id}": Row(),
    "GET /api/v1/config/rollouts/{rollout_id}/differences": Row(),
    "POST /api/v1/config/rollouts/{rollout_id}/live": Row(),
    "POST /api/v1/config/rollouts/{rollout_id}/widen": Row({"share": 0.5}),
    "POST /api/v1/config/rollouts/{rollout_id}/pause": Row(),
    "POST /api/v1/config/rollouts/{rollout_id}/resume": Row(),
    "POST /api/v1/config/rollouts/{rollout_id}/end": Row(REASON, ends=True),
    "GET /api/v1/backtests": Row(),
    "POST /api/v1/backtests": Row({"to_version": 1}),
    "GET /api/v1/backtests/{backtest_id}": Row(),
    "POST /api/v1/backtests/{backtest_id}/stop": Row(ends=True),
    # The pages, whole and as the fragments that htmx asks for.
    "GET /p/{project}": Row(),
    "GET /p/{project}/due": Row(also=(Way("?within=168"),)),
    "GET /p/{project}/clocks": Row(),
    "GET /p/{project}/find": Row(also=(Way("?q=card"), HTMX)),
    "GET /p/{project}/pools/{pool}": Row(also=(HTMX, Way("?status=any&sort=oldest"))),
    "GET /p/{project}/queue": Row(also=(HTMX, Way("?status=any"), Way("?pool=seniors"), Way("?text=OCELOT"))),
    "GET /p/{project}/queue/live": Row(also=(STREAM,)),
    "POST /p/{project}/views": Row(form={"name": "mine", "query": "sort=due"}),
    "POST /p/{project}/views/{view_id}/remove": Row(finds_nothing=True),
    "POST /p/{project}/pools/{pool}/next": Row(),
    "POST /p/{project}/pools/{pool}/ahead": Row(),
    "POST /p/{project}/seen": Row(),
    "POST /p/{project}/assignments/{assignment_id}/undo": Row(form={"given": "1"}),
    "POST /p/{project}/assignments/{assignment_id}/put-back": Row(form={"fence": "1"}),
    "POST /p/{project}/bulk/preview": Row(form=BULK_FORM),
    "POST /p/{project}/bulk": Row(form=BULK_FORM),
    "GET /p/{project}/bulk": Row(),
    "GET /p/{project}/bulk/{act_id}": Row(),
    "POST /p/{project}/bulk/{act_id}/undo": Row(),
    "POST /p/{project}/bulk/{act_id}/stop": Row(),
    "GET /p/{project}/assignments/{assignment_id}": Row(),
    **{
        f"POST /p/{{project}}/assignments/{{assignment_id}}/{act}": Row(form={"fence": "1"})
        for act in ("extend", "form", "draft", "draft/use", "draft/discard")
    },
    **{
        f"POST /p/{{project}}/assignments/{{assignment_id}}/{act}": Row(form={"fence": "1"}, ends=True)
        for act in ("release", "skip", "escalate", "review", "snooze", "take-up", "send-back", "pin")
    },
    "POST /p/{project}/assignments/{assignment_id}/stop": Row(form={"kind": "item_type", **REASON}),
    "GET /p/{project}/items/{item_id}": Row(),
    "GET /p/{project}/items/{item_id}/media/{digest}": Row(finds_nothing=True),
    "GET /p/{project}/items/{item_id}/part": Row(also=(Way("?at=/input/text"), Way("?at=/output&as=json"))),
    "GET /p/{project}/items/{item_id}/beside": Row(also=(HTMX,)),
    "POST /p/{project}/items/{item_id}/presence": Row(),
    "POST /p/{project}/items/{item_id}/comments": Row(form={"text": "see the other one"}),
    **{
        f"POST /p/{{project}}/items/{{item_id}}/comments/{{comment_id}}/{act}": Row(
            form={"text": "no"}, finds_nothing=True
        )
        for act in ("edit", "remove", "hide")
    },
    "POST /p/{project}/items/{item_id}/questions/{question_id}/answer": Row(form={"text": "yes"}, finds_nothing=True),
    "POST /p/{project}/assignments/{assignment_id}/ask": Row(form={"fence": "1", "text": "which?"}, ends=True),
    "POST /p/{project}/items/{item_id}/pause": Row(form={"reason": "waiting for upstream"}),
    "POST /p/{project}/items/{item_id}/resume": Row(),
    "GET /p/{project}/items/{item_id}/acknowledge": Row(),
    "POST /p/{project}/items/{item_id}/acknowledge": Row(),
    "POST /p/{project}/items/{item_id}/override": Row(form={"verdict": "reject", "reason": "policy"}, ends=True),
    "POST /p/{project}/items/{item_id}/override/confirm": Row(form=PROPOSAL, finds_nothing=True, keeps_blind=True),
    "POST /p/{project}/items/{item_id}/override/withdraw": Row(form=PROPOSAL, finds_nothing=True, keeps_blind=True),
    "GET /p/{project}/audit": Row(also=(Way("?action=item.submitted"),)),
    "GET /p/{project}/audit/export": Row(keeps_blind=True),
    "GET /p/{project}/reviewers": Row(),
    "GET /p/{project}/assurance": Row(),
    "POST /p/{project}/assurance/propose": Row(),
    "GET /p/{project}/stops": Row(also=(Way("?what=item_type:crm_type"),)),
    "GET /p/{project}/models": Row(also=(Way("?name=crm_model"),)),
    "GET /p/{project}/models/compare": Row(also=(Way("?days=7"),)),
    "GET /p/{project}/models/{version_id}": Row(),
    **{f"POST /p/{{project}}/models/{{version_id}}/{act}": Row(form=REASON) for act in ("clear", "revoke")},
    "GET /p/{project}/rules": Row(),
    "GET /p/{project}/rules/edit": Row(also=(Way("?from=1"),)),
    "POST /p/{project}/rules/edit": Row(form={"do": "check", "source": "project: elsewhere"}, also=(HTMX,)),
    "GET /p/{project}/rules/{version}": Row(finds_nothing=True),
    **{
        f"POST /p/{{project}}/rules/{{version}}/{act}": Row(form=REASON, finds_nothing=True)
        for act in ("approve", "activate", "withdraw", "roll-back")
    },
    "GET /p/{project}/rules/plan/{version}": Row(also=(Way("?days=7&minutes=2"),), finds_nothing=True),
    "GET /p/{project}/erasures": Row(),
    "POST /p/{project}/erasures": Row(form={"subject": "nobody", **REASON}, finds_nothing=True),
    "POST /p/{project}/erasures/preview": Row(form={"subject": "nobody", **REASON}),
    "GET /p/{project}/erasures/{erasure_id}": Row(also=(HTMX,)),
    "GET /p/{project}/imports": Row(),
    "POST /p/{project}/imports": Row(form={"type": "ticket_intent"}),
    "GET /p/{project}/imports/{import_number}": Row(also=(HTMX,)),
    "GET /p/{project}/imports/{import_number}/errors": Row(),
    "POST /p/{project}/imports/{import_number}/stop": Row(ends=True),
    "GET /p/{project}/datasets": Row(),
    "POST /p/{project}/datasets": Row(form={"name": "newer"}),
    "POST /p/{project}/datasets/_trial": Row(form={"name": "newer"}),
    "GET /p/{project}/datasets/{name}": Row(),
    "POST /p/{project}/datasets/{name}": Row(form={"description": "other"}),
    "POST /p/{project}/datasets/{name}/schedule": Row(form={"cron": "0 6 * * *", "timezone": "UTC"}),
    "POST /p/{project}/datasets/{name}/snapshots": Row(),
    "GET /p/{project}/datasets/{name}/{number}": Row(also=(HTMX,)),
    "POST /p/{project}/datasets/{name}/{number}/{act}": Row(ends=True),
    "GET /p/{project}/datasets/{name}/{number}/difference": Row(finds_nothing=True),
    "GET /p/{project}/datasets/{name}/{number}/files/{file}": Row(finds_nothing=True),
    "GET /p/{project}/datasets/{name}/{number}/formats": Row(finds_nothing=True),
    "GET /p/{project}/datasets/{name}/{number}/export": Row(finds_nothing=True),
    "GET /p/{project}/rules/rollouts": Row(),
    "POST /p/{project}/rules/rollouts": Row(form={"version": "1"}),
    "GET /p/{project}/rules/rollouts/{rollout_id}": Row(),
    "POST /p/{project}/rules/rollouts/{rollout_id}/live": Row(form={"tag": "beta"}),
    "POST /p/{project}/rules/rollouts/{rollout_id}/widen": Row(form={"share": "50"}),
    "POST /p/{project}/rules/rollouts/{rollout_id}/pause": Row(),
    "POST /p/{project}/rules/rollouts/{rollout_id}/resume": Row(),
    "POST /p/{project}/rules/rollouts/{rollout_id}/end": Row(form=REASON, ends=True),
    "GET /p/{project}/rules/backtests": Row(),
    "POST /p/{project}/rules/backtests": Row(form={"version": "1"}),
    "GET /p/{project}/rules/backtests/{backtest_id}": Row(also=(HTMX,)),
    "POST /p/{project}/rules/backtests/{backtest_id}/stop": Row(ends=True),
    **{
        f"POST /p/{{project}}/stops/{act}": Row(form={"what": "item_type:crm_type", **REASON})
        for act in ("stop", "resume")
    },
    "GET /p/{project}/notifications": Row(),
    "POST /p/{project}/notifications": Row(),
    "POST /p/{project}/notifications/test": Row(),
    "POST /p/{project}/notifications/channels/{channel}/enable": Row(),
    "GET /p/{project}/webhooks": Row(),
    "GET /p/{project}/webhooks/{name}": Row(),
    "GET /p/{project}/webhooks/deliveries/{delivery_id}": Row(),
    "POST /p/{project}/webhooks/deliveries/{delivery_id}/replay": Row(),
    **{
        f"POST /p/{{project}}/webhooks/{{name}}/{act}": Row(form=ROTATE)
        for act in ("secret", "rotate", "test", "enable")
    },
    **{f"POST /p/{{project}}/webhooks/{{name}}/{act}": Row(form=REASON) for act in ("replay", "disable")},
    "GET /p/{project}/people": Row(),
    "POST /p/{project}/people/{person_id}": Row(form={"role": "reviewer"}),
    "POST /p/{project}/people/{person_id}/remove": Row(ends=True, finds_nothing=True),  # the API's call was there first
    "GET /p/{project}/keys": Row(),
    "POST /p/{project}/keys": Row(form={"name": "crm", "role": "service", "days": ""}),
    "POST /p/{project}/keys/tokens": Row(form={"name": "laptop", "days": "30"}),
    "POST /p/{project}/keys/{key_id}/rotate": Row(form=ROTATE),
    "POST /p/{project}/keys/{key_id}/revoke": Row(ends=True),
    "POST /p/{project}/keys/tokens/{token_id}/rotate": Row(form=ROTATE),
    "POST /p/{project}/keys/tokens/{token_id}/revoke": Row(ends=True),
}
