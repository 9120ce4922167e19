"""The tables of configuration: rows are added, never edited."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class ConfigVersion(Base):
    """One applied document, and the versions of its parts."""

    __tablename__ = "config_versions"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    item_types: Mapped[dict[str, int]] = mapped_column(JSON)
    ruleset_version: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


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
    rules: Mapped[list[Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class PoolMember(Base):
    """Somebody who may work a pool, by e-mail; from the configuration, a provider's groups, or added directly."""

    __tablename__ = "pool_members"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    pool: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
