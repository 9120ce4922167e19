"""The tables of imports of uploaded files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, BigInteger, ForeignKey, ForeignKeyConstraint, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Import(Base):
    """An uploaded file that workers import, and how far they have come, under a `fence`.

    `done` of `total` is of the file, and `line` that of the last row that was dealt with. `acted_by` is a person, or a
    service key where `acted_kind` says so; `permissions` are those they carried, and `key_id` what they called with.
    """

    __tablename__ = "imports"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    asked: Mapped[Any] = mapped_column(JSON)
    layout: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    idempotency_key: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="waiting")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    line: Mapped[int] = mapped_column(BigInteger, server_default="0")
    imported: Mapped[int] = mapped_column(BigInteger, server_default="0")
    repeated: Mapped[int] = mapped_column(BigInteger, server_default="0")
    left_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    kept: Mapped[int] = mapped_column(server_default="0")
    unseen: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    error: Mapped[str] = mapped_column(server_default="")
    acted_kind: Mapped[str]
    acted_by: Mapped[UUID]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    key_id: Mapped[UUID | None]
    origin: Mapped[str] = mapped_column(server_default="")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class ImportPiece(Base):
    """A piece of an uploaded file, gone once its import has ended; the pieces are stored before their import is."""

    __tablename__ = "import_pieces"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class ImportFault(Base):
    """A row that an import left out: `row` is JSON, `external_id` and `subject` what an erasure finds it by."""

    __tablename__ = "import_faults"
    __table_args__ = (ForeignKeyConstraint(["project_id", "import_id"], ["imports.project_id", "imports.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    row: Mapped[str]
    external_id: Mapped[str | None]
    subject: Mapped[str | None]
