"""Copies htmx out of the published package that carries it, so that no third-party code is committed."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "static/django_htmx/htmx-4.min.js"
TARGET = "review/web/static/vendor/htmx.js"


class HtmxHook(BuildHookInterface[Any]):
    """Puts htmx beside our own static files before a wheel or an editable install is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Copy the file; building again changes nothing."""
        package = find_spec("django_htmx")
        if package is None or not package.submodule_search_locations:
            message = "django-htmx is not installed where the build runs, and htmx comes with it."
            raise RuntimeError(message)
        target = Path(self.root) / TARGET
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(package.submodule_search_locations[0]) / SOURCE, target)
