"""The tables of audit entries and of the log that holds them together."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class AuditEntry(Base):
    """One act: who, from where, what, on what item, and its particulars. Rows are only ever added.

    The sequencer gives `position`, the leaf's index in the project's tree, with the salt and the commitment that bind
    name, origin and particulars, and the leaf's hash. Erasing takes those three and the salt away, and nothing else.
    """

    __tablename__ = "audit_entries"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    item_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    origin: Mapped[str] = mapped_column(server_default="")
    config_version: Mapped[int | None]
    position: Mapped[int | None] = mapped_column(BigInteger)
    salt: Mapped[bytes | None]
    commitment: Mapped[bytes | None]
    leaf_hash: Mapped[bytes | None]
    erased_at: Mapped[datetime | None] = mapped_column(Instant)


class AuditLog(Base):
    """How many entries of a project have their place, and how many of them the newest checkpoint signs."""

    __tablename__ = "audit_logs"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, server_default="0")
    signed_size: Mapped[int] = mapped_column(BigInteger, server_default="0")
    signed_at: Mapped[datetime | None] = mapped_column(Instant)


class AuditNode(Base):
    """The hash over 2^height leaves, kept at every sixth height: what proofs need beyond the leaves."""

    __tablename__ = "audit_nodes"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    height: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes]


class AuditCheckpoint(Base):
    """A signed tree head; `kept_at` says when it was written outside the database."""

    __tablename__ = "audit_checkpoints"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    root: Mapped[bytes]
    note: Mapped[str]
    signed_at: Mapped[datetime] = mapped_column(Instant)
    kept_at: Mapped[datetime | None] = mapped_column(Instant)
