"""The table of what became of items under a rollout."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base


class RolloutItem(Base):
    """An item that the candidate routed (`is_taken`), or one that it would have sent elsewhere.

    `old` is the outcome by the active version and `new` that by the candidate, each with its rule; of a taken item both
    are what the candidate's rule made of it. `parts` are the fields that the two rules read, with the item's values.
    """

    __tablename__ = "rollout_items"
    __table_args__ = (ForeignKeyConstraint(["project_id", "rollout_id"], ["rollouts.project_id", "rollouts.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    rollout_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_taken: Mapped[bool]
    old: Mapped[str]
    new: Mapped[str]
    old_rule: Mapped[str | None]
    new_rule: Mapped[str | None]
    parts: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
