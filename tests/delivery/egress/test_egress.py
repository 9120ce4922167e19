"""Promise 24: calls cannot reach inside, and no receiver can make one last, grow or wander."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from review.delivery.egress.errors import CallRefused
from review.delivery.egress.rules import Answer, Policy
from review.delivery.egress.service import EXCERPT_BYTES, Egress
from tests.delivery.egress.servers import Request, answering, certificate, listening

LOCAL = Policy((ip_network("127.0.0.0/8"), ip_network("::1/128")), plain_http=True)
STRICT = Policy()
OPEN_HTTP = Policy(plain_http=True)
SOON = timedelta(seconds=0.3)


@asynccontextmanager
async def way_out(policy: Policy = LOCAL, **more: Any) -> AsyncGenerator[Egress]:
    egress = Egress(policy, **more)
    yield egress
    await egress.close()


async def post(egress: Egress, url: str, within: timedelta = timedelta(seconds=5), event_id: str = "e1") -> Answer:
    return await egress.send(url, headers={"webhook-id": event_id}, body=b'{"a":1}', timeout=within)


def resolving(*answers: Sequence[str]) -> Any:
    """Resolve every name to the next of these, the last one for ever."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def test_what_a_receiver_gets_is_what_was_sent_and_its_answer_comes_back() -> None:
    async with way_out() as egress, listening(answering(X_Trace="7")) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/hook?a=1")
    (request,) = server.requests
    assert request.line == "POST /hook?a=1 HTTP/1.1"
    assert request.headers == {"host": f"127.0.0.1:{server.port}", "webhook-id": "e1", "content-length": "7"}
    assert request.body == b'{"a":1}'
    assert (answer.status, answer.excerpt, answer.error, answer.accepted) == (200, "thanks", None, True)
    assert answer.headers["x-trace"] == "7"
    assert 0 < answer.seconds < 5


@pytest.mark.parametrize("status", ["400 Bad", "404 Not Found", "410 Gone", "500 Oops", "503 Later"])
async def test_other_statuses_are_told_and_not_accepted(status: str) -> None:
    async with way_out() as egress, listening(answering(status)) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/")
    assert (answer.status, answer.error, answer.accepted) == (int(status[:3]), None, False)


INSIDE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.254", "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.1.2.3"),  # noqa: S104  nobody binds to it
    *("240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1"),
    *("::ffff:10.0.0.5", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.5"),
    *("2002:7f00:1::", "2002:a00:5::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1", "2001:db8::1", "fe80::1%eth0"),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_inside_is_called_neither_named_nor_resolved(address: str) -> None:
    async with way_out(OPEN_HTTP, resolve=resolving([address])) as egress:
        resolved = await post(egress, "http://hooks.example.com/")
        assert resolved.error is not None
        assert f"the name hooks.example.com resolves to {ip_address(address)}" in resolved.error
        assert "which is not a public address; an operator can allow" in resolved.error
        literal = await post(egress, f"http://[{address}]/" if ":" in address else f"http://{address}/")
        assert literal.error is not None
        assert (resolved.status, literal.status) == (None, None)
        if "%" not in address:
            assert "is not a public address" in literal.error


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
async def test_public_addresses_pass(address: str) -> None:
    async with way_out(STRICT, resolve=resolving([address])) as egress:
        await egress.check("https://hooks.example.com/")
        await egress.check(f"https://[{address}]/" if ":" in address else f"https://{address}/")


async def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    async with way_out(OPEN_HTTP, resolve=resolving(["93.184.216.34", "10.0.0.5"])) as egress:
        answer = await post(egress, "http://hooks.example.com/")
    assert answer.error is not None
    assert "10.0.0.5" in answer.error


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "0x7f.1", "127.1", "0", "localhost", "①②⑦.0.0.1"]
)
async def test_other_spellings_of_an_address_inside_are_no_way_in(host: str) -> None:
    """These go through the machine's own resolver, as they would in earnest."""
    async with way_out(OPEN_HTTP) as egress, listening(answering()) as server:
        answer = await post(egress, f"http://{host}:{server.port}/")
    assert answer.status is None
    assert answer.error is not None
    assert "is not a public address" in answer.error
    assert server.connections == 0


async def test_a_name_that_turns_inwards_after_the_check_gains_nothing() -> None:
    """Rebinding: the connection goes to what was checked, and the next look-up is checked again."""
    policy = Policy((ip_network("127.0.0.1/32"),), plain_http=True)
    async with listening(answering()) as allowed, listening(answering(), host="127.0.0.2") as inside:
        async with way_out(policy, resolve=resolving(["127.0.0.1"], ["127.0.0.2"])) as egress:
            first = await post(egress, f"http://rebind.example.com:{allowed.port}/")
            assert first.accepted
            second = await post(egress, f"http://rebind.example.com:{inside.port}/")
        assert second.error is not None
        assert "resolves to 127.0.0.2" in second.error
        assert (allowed.connections, inside.connections) == (1, 0)
        assert allowed.requests[0].headers["host"] == f"rebind.example.com:{allowed.port}"


async def test_a_kept_connection_stays_where_it_was_checked() -> None:
    resolve = resolving(["127.0.0.1"], ["10.0.0.5"])
    async with listening(answering()) as server:
        async with way_out(resolve=resolve) as egress:
            for _ in range(3):
                assert (await post(egress, f"http://kept.example.com:{server.port}/")).accepted
            assert server.connections == 1
        async with way_out(resolve=resolve) as anew:
            assert not (await post(anew, f"http://kept.example.com:{server.port}/")).accepted


async def test_the_next_address_is_tried_where_the_first_refuses() -> None:
    async with listening(answering()) as server, way_out(resolve=resolving(["127.0.0.3", "127.0.0.1"])) as egress:
        assert (await post(egress, f"http://two.example.com:{server.port}/")).accepted


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example.com/", "plain http"),
        ("ftp://hooks.example.com/", "ftp:"),
        ("file:///etc/passwd", "file:"),
        ("hooks.example.com", "nothing:"),
        ("https://user:secret@hooks.example.com/", "user name or password"),
        ("https://hooks.example.com@10.0.0.5/", "user name or password"),
        ("https://hooks.example.com\\@10.0.0.5/", "backslash"),
        ("https://hooks.example.com/\r\nX-Evil: 1", "control character"),
        ("https://hooks.example.com/a b", "space"),
        ("https://hooks\t.example.com/", "control character"),
        ("https:///path", "names no host"),
        ("https://hooks.example.com:0/", "port 0"),
        ("https://hooks.example.com:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://a..b/", "no host name"),
        (f"https://{'a' * 70}.example.com/", "no host name"),
        ("https://exa%6dple.com/", "no host name"),
    ],
)
async def test_a_url_that_is_none_of_ours_is_refused_with_the_reason(url: str, said: str) -> None:
    async with way_out(STRICT, resolve=resolving(["127.0.0.1"])) as egress:
        answer = await post(egress, url)
        assert answer.status is None
        assert answer.error is not None
        assert said in answer.error
        assert "secret" not in answer.error
        with pytest.raises(CallRefused, match=said):
            await egress.check(url)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "é"])
async def test_a_header_cannot_bring_another_with_it(value: str) -> None:
    async with way_out() as egress, listening(answering()) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/", event_id=value)
    assert answer.error == "the header webhook-id holds characters that no header may hold"
    assert server.requests == []


async def test_redirects_are_not_followed() -> None:
    async with listening(answering()) as inside:
        target = f"http://127.0.0.1:{inside.port}/admin"
        async with way_out() as egress, listening(answering("302 Found", location=target)) as server:
            answer = await post(egress, f"http://127.0.0.1:{server.port}/")
        assert answer.error == f"redirects are not followed (302 to {target})"
        assert (answer.status, answer.accepted, inside.connections) == (302, False, 0)


async def test_a_receiver_that_hangs_is_given_up_on() -> None:
    async def hang(_request: Request, _writer: Any) -> None:
        await asyncio.sleep(60)

    async with way_out() as egress, listening(hang) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/", SOON)
    assert answer.error == "timed out after 0.3 s, waiting for the answer"
    assert SOON.total_seconds() <= answer.seconds < 3


async def test_a_receiver_that_drips_is_given_up_on_in_the_same_time() -> None:
    async def drip(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with way_out() as egress, listening(drip) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/", SOON)
    assert answer.error == "timed out after 0.3 s, reading the answer"
    assert (answer.status, answer.accepted) == (200, False)
    assert answer.seconds < 3


async def test_looking_up_a_name_counts_towards_the_time() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ["127.0.0.1"]

    async with way_out(resolve=never) as egress:
        answer = await post(egress, "http://slow.example.com/", SOON)
    assert answer.error == "timed out after 0.3 s, looking up the name and connecting"


async def test_a_gigabyte_is_cut_off() -> None:
    sent = 0

    async def pour(_request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(1024):
            writer.write(b"x" * 1_048_576)
            await writer.drain()
            sent += 1

    async with way_out() as egress, listening(pour) as server:
        began = time.monotonic()
        answer = await post(egress, f"http://127.0.0.1:{server.port}/")
        assert time.monotonic() - began < 3
    assert answer.accepted
    assert answer.excerpt == "x" * EXCERPT_BYTES
    assert sent < 64


async def test_endless_headers_are_cut_off() -> None:
    async def pour(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for at in range(100_000):
            writer.write(f"X-{at}: {'y' * 100}\r\n".encode())
            await writer.drain()

    async with way_out() as egress, listening(pour) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/")
    assert answer.error is not None
    assert "Receive buffer too long" in answer.error


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 100])
async def test_a_receiver_that_speaks_no_http_is_a_failure_with_words(said: bytes) -> None:
    async def mumble(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async with way_out() as egress, listening(mumble) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/")
    assert answer.status is None
    assert answer.error
    assert "\n" not in answer.error


async def test_resets_and_closed_ports_are_failures_with_words() -> None:
    async def reset(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        await asyncio.sleep(0)

    async with way_out() as egress:
        async with listening(reset) as server:
            dropped = await post(egress, f"http://127.0.0.1:{server.port}/")
        refused = await post(egress, f"http://127.0.0.1:{server.port}/")
    assert dropped.error == "the receiver closed the connection before it had answered"
    assert refused.error == "no connection: Connection refused"


async def test_a_name_that_does_not_resolve_is_said_to_be_one() -> None:
    async with way_out() as egress:
        answer = await post(egress, "http://no-such-name.invalid/")
    assert answer.error is not None
    assert answer.error.startswith("the name no-such-name.invalid does not resolve")


async def test_text_that_cannot_be_stored_is_replaced() -> None:
    async with way_out() as egress, listening(answering(body=b"a\0b\xff")) as server:
        answer = await post(egress, f"http://127.0.0.1:{server.port}/")
    assert answer.excerpt == "a\ufffdb\ufffd"


async def test_tls_is_with_the_name_and_not_with_the_address(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "hooks.example.com")
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    resolve = resolving(["127.0.0.1"])
    async with listening(answering(), tls=serving) as server, way_out(resolve=resolve, trust=trusting) as egress:
        good = await post(egress, f"https://hooks.example.com:{server.port}/")
        other = await post(egress, f"https://other.example.com:{server.port}/")
    assert good.accepted
    assert names == ["hooks.example.com", "other.example.com"]
    assert other.error is not None
    assert other.error.startswith("bad certificate: ")
    assert "other.example.com" in other.error


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "hooks.example.com")
    async with listening(answering(), tls=serving) as server, way_out(resolve=resolving(["127.0.0.1"])) as egress:
        answer = await post(egress, f"https://hooks.example.com:{server.port}/")
    assert answer.error is not None
    assert answer.error.startswith("bad certificate: self")
    assert server.requests == []


async def test_plain_text_on_the_tls_port_is_a_failure_with_words() -> None:
    async with way_out(resolve=resolving(["127.0.0.1"])) as egress, listening(answering()) as server:
        answer = await post(egress, f"https://hooks.example.com:{server.port}/", timedelta(seconds=2))
    assert answer.status is None
    assert answer.error


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(answering()) as proxy, listening(answering()) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with way_out() as egress:
            assert (await post(egress, f"http://127.0.0.1:{server.port}/")).accepted
        assert (proxy.connections, server.connections) == (0, 1)


async def test_cookies_do_not_come_back() -> None:
    async with way_out() as egress, listening(answering(Set_Cookie="a=1")) as server:
        for _ in range(2):
            await post(egress, f"http://127.0.0.1:{server.port}/")
        assert all("cookie" not in request.headers for request in server.requests)


async def test_many_that_hang_do_not_hold_up_one_that_answers() -> None:
    async def hang(_request: Request, _writer: Any) -> None:
        await asyncio.sleep(60)

    async with way_out() as egress, listening(hang) as hole, listening(answering()) as server:
        lost = [asyncio.create_task(post(egress, f"http://127.0.0.1:{hole.port}/")) for _ in range(100)]
        while len(hole.requests) < 100:
            await asyncio.sleep(0.01)
        answers = await asyncio.gather(*(post(egress, f"http://127.0.0.1:{server.port}/") for _ in range(50)))
        assert all(answer.accepted for answer in answers)
        for task in lost:
            task.cancel()
        await asyncio.gather(*lost, return_exceptions=True)


async def test_connections_are_let_go_when_nobody_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.delivery.egress.service.KEPT_SECONDS", 0.02)
    async with way_out() as egress, listening(answering()) as server:
        await post(egress, f"http://127.0.0.1:{server.port}/")
        async with asyncio.timeout(5):
            while egress._lanes:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("beyond", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"x", b"\0" * 100_000])
@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_what_comes_behind_an_answer_does_not_answer_what_is_sent_next(beyond: bytes, seconds: float) -> None:
    async def say_too_much(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.line.startswith("POST /second"):
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + (b"" if seconds else beyond))
        if seconds:
            await writer.drain()
            await asyncio.sleep(seconds)
            writer.write(beyond)

    async with listening(say_too_much) as server, way_out() as egress:
        assert (await post(egress, f"http://127.0.0.1:{server.port}/first")).status == 200
        await asyncio.sleep(seconds * 3)
        assert (await post(egress, f"http://127.0.0.1:{server.port}/second")).status == 503
    assert server.connections == 2
