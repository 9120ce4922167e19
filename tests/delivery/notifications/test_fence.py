"""The fence around channels: what their process cannot reach, read or start, whatever a URL says."""

import asyncio
import subprocess
import sys
import textwrap

import apprise
import pytest

from review.delivery.notifications.channels import Channels, resolve_url
from review.delivery.notifications.schemas import Message
from review.delivery.notifications.schemes import SCHEMES, scheme_of
from review.delivery.notifications.sending import SendFailed
from tests.delivery.notifications.receivers import LOOPBACK, chat

MESSAGE = Message("support", "subject", "text")


def behind_the_fence(code: str, networks: str = "()") -> str:
    """Run code in a process behind the fence; gives the name of what it raised, or what it printed."""
    script = f"""
import os, socket, subprocess, sys
from ipaddress import ip_network
from review.delivery.egress.rules import Policy
from review.delivery.notifications import fence
fence.put_up(Policy(tuple(ip_network(each) for each in {networks})))
try:
{textwrap.indent(code, "    ")}
except Exception as fault:
    print(type(fault).__name__)
else:
    print("done")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', 9), 1)",
        "socket.create_connection(('localhost', 9), 1)",
        "socket.create_connection(('169.254.169.254', 80), 1)",
        "socket.socket(socket.AF_INET6).connect(('::ffff:10.0.0.1', 80))",
        "socket.socket().connect(('localhost', 80))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 514))",
        "socket.socket(socket.AF_UNIX).connect('/dev/log')",
        "socket.socket(socket.AF_UNIX).connect('\\0abstract')",
        "open('/etc/passwd').read()",
        "os.open('/etc/passwd', os.O_RDONLY)",
        "open(sys.prefix + '/../../../../../../etc/passwd')",
        "open(os.path.join(sys.prefix, 'written'), 'w')",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
    ],
)
def test_the_fence_holds(code: str) -> None:
    assert behind_the_fence(code) == "PermissionError"


def test_an_allowed_network_is_let_through_and_python_works_on() -> None:
    assert (
        behind_the_fence("socket.create_connection(('127.0.0.1', 1), 1)", "['127.0.0.0/8']") == "ConnectionRefusedError"
    )
    assert behind_the_fence("import email.mime.audio, zoneinfo, ssl\nssl.create_default_context()") == "done"


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:{port}/",
        "json://localhost:{port}/",
        "json://[::ffff:127.0.0.1]:{port}/",
        "json://2130706433:{port}/",
        "json://0x7f.1:{port}/",
    ],
)
async def test_an_address_inside_is_out_of_reach_until_it_is_allowed(url: str) -> None:
    async with chat() as room:
        channels = Channels(())
        with pytest.raises(SendFailed) as failed:
            await channels.send(url.format(port=room.port), MESSAGE, "r")
        assert str(room.port) not in failed.value.reason
        await channels.close()
        assert room.messages == []


async def test_a_redirect_leads_nowhere() -> None:
    hits: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(await reader.readline())
        writer.write(b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:%d/again\r\nContent-Length: 0\r\n\r\n" % port)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channels = Channels(LOOPBACK)
    with pytest.raises(SendFailed):
        await channels.send(f"json://127.0.0.1:{port}/", MESSAGE, "r")
    await channels.close()
    server.close()
    assert len(hits) == 1


async def test_an_answer_without_end_costs_the_child_and_nothing_else() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 2**20)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    channels = Channels(LOOPBACK, within_seconds=15)
    with pytest.raises(SendFailed):
        await channels.send(f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/", MESSAGE, "r")
    await channels.close()
    server.close()


def test_only_names_meant_for_it_are_read_from_the_environment() -> None:
    environ = {"REVIEW_CHANNEL_OPS": "json://x", "REVIEW_SECRET_KEY": "s", "REVIEW_CHANNEL_EMPTY": ""}
    assert resolve_url("env:REVIEW_CHANNEL_OPS", environ) == "json://x"
    assert resolve_url("json://y", environ) == "json://y"
    for name in ("REVIEW_SECRET_KEY", "PATH", "", "REVIEW_CHANNEL_EMPTY", "REVIEW_CHANNEL_NONE"):
        with pytest.raises(SendFailed) as failed:
            resolve_url(f"env:{name}", environ)
        assert failed.value.is_final != name.startswith("REVIEW_CHANNEL_")


@pytest.mark.filterwarnings("ignore")  # of what apprise imports when it is asked for everything it has
def test_the_schemes_are_apprises_own_and_none_of_this_machine() -> None:
    known: set[str] = set()
    for service in apprise.Apprise().details()["schemas"]:
        known |= {*(service.get("protocols") or ()), *(service.get("secure_protocols") or ())}
    assert known >= SCHEMES
    local = {"file", "syslog", "dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "mqtt", "smpp", "rsyslog"}
    assert not SCHEMES & local
    assert [scheme_of(url) for url in ("JSON://x", " slack://", "x", "", "://")] == ["json", "slack", "", "", ""]
