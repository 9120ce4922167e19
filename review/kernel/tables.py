"""Every table that is mapped, gathered so that Alembic can compare them with the database."""

import importlib
import pkgutil

from sqlalchemy import MetaData

import review
from review.kernel.db import Base


def metadata() -> MetaData:
    """Import each package's `models` module and give the metadata they filled."""
    for package in pkgutil.iter_modules(review.__path__):
        for module in pkgutil.iter_modules([f"{review.__path__[0]}/{package.name}"]):
            if module.name == "models":
                importlib.import_module(f"review.{package.name}.models")
    return Base.metadata


def is_mapped(_item: object, _name: str | None, kind: str, reflected: bool, _other: object) -> bool:  # noqa: FBT001  Alembic's signature
    """Leave indexes and constraints to the migrations: only they know storage parameters and predicates."""
    return kind in {"table", "column"} or not reflected
