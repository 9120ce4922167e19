"""What can go wrong, each fact a class of its own."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from countersign_client.answers import Import, Item
    from countersign_client.manifests import Snapshot


class FieldError(msgspec.Struct, frozen=True):
    """One fault in what was sent: where it is, and what is wrong there."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """A refusal as the service words it (RFC 9457); `code` is what programs match on."""

    status: int
    code: str
    detail: str
    title: str = ""
    type: str = ""
    errors: tuple[FieldError, ...] = ()


class CountersignError(Exception):
    """Anything that this package raises by itself."""


class NotReached(CountersignError):
    """No answer came; `may_have_arrived` says whether the service can have acted on the request all the same."""

    def __init__(self, message: str, *, may_have_arrived: bool) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), may_have_arrived=self.may_have_arrived), self.args


class Unreadable(CountersignError):
    """An answer came that is not the service's, such as a proxy's page, or one of another version."""


class LibraryMissing(CountersignError, ImportError):
    """A library is needed for this call and is not installed."""


class Refused(CountersignError):
    """The service refused; `code` never changes its meaning, `errors` names the places, `detail` is for people."""

    statuses: ClassVar[tuple[int, ...]] = ()
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, *, retry_after: float | None = None) -> None:
        places = "".join(f"\n  {each.path}: {each.message}" for each in problem.errors)
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{places}")
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.errors = problem.errors
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), retry_after=self.retry_after), (self.problem,)


class Unauthenticated(Refused):
    """The key is missing, unknown, expired or revoked."""

    statuses = (401,)


class NotPermitted(Refused):
    """The key does not carry the permission, or the caller may not judge this item."""

    statuses = (403,)


class NotFound(Refused):
    """There is no such thing, or it is not the key's to see."""

    statuses = (404,)


class Conflict(Refused):
    """Somebody was faster, or the state of the thing does not allow it."""

    statuses = (409,)


class ConflictingResubmission(Conflict):
    """The external id or idempotency key was used before, for other content."""

    codes = ("conflicting_resubmission",)


class LeaseLost(Conflict):
    """The claim no longer stands; nothing was recorded. Claim again."""

    codes = ("lease_lost",)


class SnapshotNotReady(Conflict):
    """The snapshot has no files to read yet, or never will."""

    codes = ("snapshot_not_ready",)


class Invalid(Refused):
    """What was sent is wrong or too large; `errors` names the places."""

    statuses = (400, 413, 415, 422)


class RateLimited(Refused):
    """More was asked for than the key may; nothing was done. `retry_after` is in seconds."""

    statuses = (429,)


class Unavailable(Refused):
    """The service, or what it depends on, is away or broken; try again later."""

    statuses = (500, 502, 503, 504)


class AboutItem(CountersignError):
    """What became of an item is not what was waited for; `item` is as it stood then."""

    said: ClassVar[str]

    def __init__(self, item: "Item") -> None:
        super().__init__(self.said.format(item=item))
        self.item = item

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.item,)


class NotDecided(AboutItem):
    """The time was up before anybody decided; the item stays open."""

    said = "Item {item.id} is still {item.status}; wait for it again, or withdraw it."


class Rejected(AboutItem):
    """A gated output was rejected; `item.decision` says why."""

    said = "Item {item.id} was rejected."


class Withdrawn(AboutItem):
    """A gated output was withdrawn before anybody decided."""

    said = "Item {item.id} was withdrawn."


class AboutSnapshot(CountersignError):
    """What became of a snapshot is not what was waited for; `snapshot` is as it stood then."""

    said: ClassVar[str]

    def __init__(self, snapshot: "Snapshot") -> None:
        super().__init__(self.said.format(snapshot=snapshot).rstrip())
        self.snapshot = snapshot

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.snapshot,)


class SnapshotFailed(AboutSnapshot):
    """A snapshot was not made, for its making failed or was stopped, or it was withdrawn."""

    said = "Snapshot {snapshot.number} of {snapshot.dataset} is {snapshot.state}. {snapshot.error}"


class SnapshotLate(AboutSnapshot):
    """The time was up before a snapshot was ready; its making goes on."""

    said = "Snapshot {snapshot.number} of {snapshot.dataset} is still {snapshot.state}; wait for it again."


class AboutImport(CountersignError):
    """What became of an import is not what was waited for; `imported` is as it stood then."""

    said: ClassVar[str]

    def __init__(self, imported: "Import") -> None:
        super().__init__(self.said.format(imported=imported).rstrip())
        self.imported = imported

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.imported,)


class ImportFailed(AboutImport):
    """An import failed or was stopped; what was imported until then stays, and uploading the file again goes on."""

    said = "Import {imported.number} of {imported.name} is {imported.state}. {imported.error}"


class ImportLate(AboutImport):
    """The time was up before an import had ended; it goes on."""

    said = "Import {imported.number} of {imported.name} is still {imported.state}; wait for it again."


class NothingToRead(CountersignError):
    """A dataset has no snapshot that is ready, or a snapshot has no such part, or its file was not downloaded."""


class DigestMismatch(CountersignError):
    """The bytes of a snapshot's file are not those that the manifest names; the file was not kept."""


class WebhookRefused(CountersignError):
    """A webhook does not bear a signature that counts, is too old, or is no event; answer 401 and do nothing."""


def refusal(problem: Problem, *, retry_after: float | None = None) -> Refused:
    """Give a problem as the most particular class that there is for it."""
    known = _below(Refused)
    for kind in reversed(known):
        if problem.code in kind.codes:
            return kind(problem, retry_after=retry_after)
    for kind in known:
        if problem.status in kind.statuses:
            return kind(problem, retry_after=retry_after)
    return (Unavailable if problem.status >= 500 else Refused)(problem, retry_after=retry_after)


def _below(kind: type[Refused]) -> list[type[Refused]]:
    return [each for below in kind.__subclasses__() for each in (below, *_below(below))]
