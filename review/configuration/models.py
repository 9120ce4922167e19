"""The tables of configuration: what a version says is never edited, only what became of it is added."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class ConfigVersion(Base):
    """One document, and the versions of its parts; a candidate until somebody makes it active.

    `created_by_id` is the author where that is a person. A withdrawn candidate can no longer be made active.
    """

    __tablename__ = "config_versions"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    item_types: Mapped[dict[str, int]] = mapped_column(JSON)
    ruleset_version: Mapped[int]
    created_by: Mapped[str]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    reason: Mapped[str] = mapped_column(server_default="", default="")
    activated_at: Mapped[datetime | None] = mapped_column(Instant, server_default=func.now())
    activated_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_by: Mapped[str | None]


class Approval(Base):
    """Somebody's word that a candidate may act."""

    __tablename__ = "config_approvals"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "version"], ["config_versions.project_id", "config_versions.version"]),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    name: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="", default="")
    approved_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class Rollout(Base):
    """A candidate on its way: compared with the active version (`shadow`), then routing a share of the items (`live`).

    At most one of a project runs. `compared` is the share of the items that both versions are tried on, `position` the
    place in the feed up to which that is done, and `flows` what came of it. `steps` and `guards` are as they were
    given. `because` says why it ended, and `fired` which guard ended it.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "version"], ["config_versions.project_id", "config_versions.version"]),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    from_version: Mapped[int]
    state: Mapped[str]
    share: Mapped[float] = mapped_column(server_default="0")
    tag: Mapped[str | None]
    compared: Mapped[float] = mapped_column(server_default="1")
    steps: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    guards: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    reason: Mapped[str] = mapped_column(server_default="", default="")
    started_by: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    live_at: Mapped[datetime | None] = mapped_column(Instant)
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    paused_for: Mapped[timedelta] = mapped_column(server_default="0")
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    position: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[int] = mapped_column(server_default="0")
    taken: Mapped[int] = mapped_column(server_default="0")
    differed: Mapped[int] = mapped_column(server_default="0")
    flows: Mapped[dict[str, int]] = mapped_column(JSON, server_default="{}")
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None]
    because: Mapped[str] = mapped_column(server_default="", default="")
    fired: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class ItemTypeVersion(Base):
    """One version of an item type, by content: applying the same definition again makes none."""

    __tablename__ = "item_types"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class RuleSetVersion(Base):
    """One version of a project's rules."""

    __tablename__ = "rulesets"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    rules: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class PoolMember(Base):
    """Somebody who may work a pool, by e-mail; from the configuration, a provider's groups, or added directly."""

    __tablename__ = "pool_members"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    pool: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)


class EntryList(Base):
    """A list apart from the documents that name it, by the digest of what it holds; never edited.

    What no version names is forgotten in time.
    """

    __tablename__ = "entry_lists"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    entries: Mapped[int]
    is_named: Mapped[bool] = mapped_column(server_default="false")
    uploaded_by: Mapped[str]
    uploaded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class EntryListPiece(Base):
    """A piece of a list: entries as JSON, one to a line, compressed."""

    __tablename__ = "entry_list_pieces"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "sha256"],
            ["entry_lists.project_id", "entry_lists.sha256"],
            name="entry_list_pieces_list_fkey",
            deferrable=True,
            initially="DEFERRED",
        ),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
