"""The fence around the channels' process: no address, file or program that the operator has not allowed."""

import os
import resource
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from review.delivery.egress.errors import CallRefused
from review.delivery.egress.rules import Policy, check_address

MOST_BYTES = 1024 * 1024 * 1024  # of address space; an answer without end shall not take the machine's memory
NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn"})
READABLE = tuple(os.path.realpath(each) for each in {sys.prefix, sys.base_prefix, os.devnull, "/etc/ssl", "/etc/hosts"})

refused: list[str] = []  # what was refused since somebody last looked, as sentences without secrets


def put_up(policy: Policy) -> None:
    """Fence this process in for good; Python offers no way to take an audit hook off again."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    package = os.path.realpath(Path(__file__).parents[3])

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in NETWORK:
            _check_network(args[1], policy)
        elif event in PROGRAMS:
            _refuse("it may not start a program")
        elif event == "open":
            _check_file(args, package)

    sys.addaudithook(hook)


def _check_network(address: object, policy: Policy) -> None:
    """Let a connection pass to an address that is one already and is allowed; a name would be resolved behind us."""
    if address is None:
        return  # sendmsg() over a connection that was checked when it was made
    host: object = cast("tuple[object, ...]", address)[0] if isinstance(address, tuple) and address else None
    try:
        checked = ip_address(host.partition("%")[0]) if isinstance(host, str) else None
    except ValueError:
        checked = None
    if checked is None:
        _refuse("it may only connect to addresses of the internet")
        return
    try:
        check_address(checked, str(checked), policy)
    except CallRefused as fault:
        _refuse(str(fault))


def _check_file(args: tuple[object, ...], package: str) -> None:
    """Let files be read that belong to Python, to this program or to TLS, so that no URL can name another one."""
    path, mode, flags = (*args, None, 0)[:3]
    if not isinstance(path, str | bytes):
        return  # a file that is open already
    real = os.path.realpath(os.fsdecode(path))
    writes = any(letter in "wax+" for letter in mode) if isinstance(mode, str) else False
    writes = writes or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0)
    within = any(real == each or real.startswith(each + os.sep) for each in (*READABLE, package))
    if real != os.devnull and (writes or not within):
        _refuse("it may not open a file")


def _refuse(why: str) -> None:
    refused.append(why)
    raise PermissionError(why)
