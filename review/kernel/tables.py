"""Every table that is mapped, gathered so that Alembic can compare them with the database."""

import importlib
import pkgutil

from sqlalchemy import MetaData

import review
from review.kernel.db import Base


def metadata() -> MetaData:
    """Import each package's `models` module and give the metadata they filled."""
    _import_models(review.__path__[0], "review")
    return Base.metadata


def _import_models(directory: str, package: str) -> None:
    for module in pkgutil.iter_modules([directory]):
        if module.ispkg:
            _import_models(f"{directory}/{module.name}", f"{package}.{module.name}")
        elif module.name == "models":
            importlib.import_module(f"{package}.models")


def is_mapped(_item: object, _name: str | None, kind: str, reflected: bool, _other: object) -> bool:  # noqa: FBT001  Alembic's signature
    """Leave indexes and constraints to the migrations: only they know storage parameters and predicates."""
    return kind in {"table", "column"} or not reflected
