"""Weights & Biases, told by a program of its own (`wandb_run`), which gets what is theirs of the environment alone."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from review.datasets.registering.errors import TrackerRefused
from review.datasets.registering.wandb_run import NOT_INSTALLED, Telling

TIMEOUT_SECONDS: Final = 90.0
PROGRAM: Final = "review.datasets.registering.wandb_run"
HANDED_ON: Final = ("WANDB_", "SSL_CERT_", "PYTHON")
ALSO: Final = ("PATH", "LANG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE")


class _Said(msgspec.Struct, frozen=True):
    url: str


async def tell(telling: Telling) -> str:
    """Tell, and give the address of the run; doing it again changes nothing.

    Raises:
        TrackerRefused.
    """
    with TemporaryDirectory(prefix="countersign-wandb-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(os.environ, Path(folder)),
        )
        try:
            said, complained = await asyncio.wait_for(
                process.communicate(msgspec.json.encode(telling)), TIMEOUT_SECONDS
            )
        except TimeoutError as fault:
            message = f"Weights & Biases was not told within {TIMEOUT_SECONDS:.0f} seconds."
            raise TrackerRefused(message) from fault
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode == NOT_INSTALLED:
        message = "The library wandb is not installed; install Countersign with its extra `wandb`."
        raise TrackerRefused(message)
    try:
        return msgspec.json.decode(said, type=_Said).url
    except msgspec.MsgspecError as fault:
        last = complained.decode(errors="replace").strip().rpartition("\n")[2][:300]
        message = f"Weights & Biases was not told. {last}".strip()
        raise TrackerRefused(message) from fault


def _environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if name.startswith(HANDED_ON) or name in ALSO}
    return {"HOME": str(folder), "WANDB_DIR": str(folder), "WANDB_ERROR_REPORTING": "false", **kept}
