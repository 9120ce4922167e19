"""Files of items: only those it carries or names, only from allowed hosts, only what their bytes say (ADR 0036)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from uuid import UUID

import httpx
import pytest

from review.delivery.egress.errors import CallRefused
from review.delivery.egress.rules import Policy, read_url
from review.delivery.egress.service import Egress
from review.web.content import sniffing
from review.web.content.frames import host_of
from review.web.content.media import digest_of
from review.web.media import Media, MediaNotAllowed, MediaUnusable
from tests import kinds
from tests.delivery.egress.servers import answering, listening
from tests.make import PASSWORD, World

PROJECT = UUID(int=1)
LOCAL = Policy((ip_network("127.0.0.0/8"),), plain_http=True)


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    made = Media(Egress(LOCAL), hosts=frozenset({"127.0.0.1"}), most_bytes=10_000, timeout=timedelta(seconds=5))
    yield made
    await made.close()


async def test_a_file_is_fetched_once_for_everybody_and_its_type_is_told_by_its_bytes(media: Media) -> None:
    async with listening(answering(body=kinds.png(), content_type="text/html")) as server:
        url = f"http://127.0.0.1:{server.port}/a.html"
        both = await asyncio.gather(media.get(PROJECT, "image", url), media.get(PROJECT, "image", url))
        again = await media.get(PROJECT, "image", url)
    assert {file.type for file in (*both, again)} == {"image/png"}
    assert again.body == kinds.png()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "no PNG, JPEG, GIF, WebP or AVIF"),
        (b"<!doctype html><script>alert(1)</script>", "no PNG"),
        (kinds.pdf(), "no PNG"),
        (kinds.png(60_000, 2)[:20] + b"\xff\xff" + kinds.png()[22:], "too many to show"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 20_000, "larger than 0.01 MB"),
        (b"", "no PNG"),
    ],
)
async def test_what_is_no_picture_is_refused_with_the_reason(media: Media, body: bytes, said: str) -> None:
    async with listening(answering(body=body)) as server:
        with pytest.raises(MediaUnusable, match=said):
            await media.get(PROJECT, "image", f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Oops", "206 Partial Content"])
async def test_other_answers_are_no_file_and_redirects_lead_nowhere(media: Media, status: str) -> None:
    async with listening(answering(status, kinds.png(), location="http://127.0.0.1:1/")) as server:
        with pytest.raises(MediaUnusable, match=f"the answer was {status[:3]}"):
            await media.get(PROJECT, "image", f"http://127.0.0.1:{server.port}/")
    assert len(server.requests) == 1


async def test_a_failure_is_not_kept(media: Media) -> None:
    bodies = iter([b"", kinds.png()])

    async def behave(request: object, writer: asyncio.StreamWriter) -> None:
        await answering(body=next(bodies))(request, writer)  # type: ignore[arg-type]  # the server's own type of request

    async with listening(behave) as server:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises(MediaUnusable):
            await media.get(PROJECT, "image", url)
        assert (await media.get(PROJECT, "image", url)).type == "image/png"


@pytest.mark.parametrize("url", ["https://evil.example/x.png", "https://127.0.0.1.evil.example/", "https://[::1]/"])
async def test_other_hosts_are_not_called(media: Media, url: str) -> None:
    with pytest.raises(MediaNotAllowed, match="REVIEW_MEDIA_HOSTS does not name it"):
        await media.get(PROJECT, "image", url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            r"https://evil.example\@ok.example/x",
            "https://ok.example@evil.example/",
            r"https://ok.example\.evil.example/",
        ),
        *(
            "https://ok.example#@evil.example/",
            "https://ok.example?@evil.example/",
            "https://ok.example%2eevil.example/",
        ),
        *(
            "https://ok.example\t.evil.example/",
            "https://[ok.example]/",
            "https://ok.example.:443/",
            "https://OK.example/",
        ),
    ],
)
def test_the_host_that_is_allowed_is_the_host_that_is_called(url: str) -> None:
    with suppress(CallRefused):
        assert read_url(url, Policy()).host == host_of(url)


async def test_an_allowed_name_that_leads_inside_is_not_called() -> None:
    made = Media(Egress(Policy()), hosts=frozenset({"127.0.0.1"}), most_bytes=100, timeout=timedelta(seconds=2))
    with pytest.raises(MediaUnusable, match="could not be fetched from 127"):
        await made.get(PROJECT, "image", "https://127.0.0.1:1/x.png")
    await made.close()


async def test_files_are_let_go_beyond_the_bound(media: Media) -> None:
    body = kinds.png() + b"\0" * (9_000 - len(kinds.png()))
    async with listening(answering(body=body)) as server:
        for number in [*range(6), 0, 5]:
            await media.get(PROJECT, "image", f"http://127.0.0.1:{server.port}/{number}")
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("raw", "kind", "found"),
    [
        (kinds.wav(), "audio", "audio/wav"),
        (b"ID3\x04" + b"\0" * 10, "audio", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio", "audio/mpeg"),
        (b"OggS" + b"\0" * 10, "audio", "audio/ogg"),
        (b"\0\0\0\x20ftypM4A ", "audio", "audio/mp4"),
        (b"\0\0\0\x20ftypisom", "video", "video/mp4"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 8 + b"webm", "video", "video/webm"),
        (kinds.pdf(), "pdf", "application/pdf"),
        (b"\0\0\0\x20ftypavif", "image", "image/avif"),
        (kinds.pdf(), "image", None),
        (kinds.png(), "pdf", None),
        (b"<html>%PDF-1.4", "pdf", None),
        (b"GIF8", "image", None),
    ],
)
def test_the_first_bytes_tell(raw: bytes, kind: sniffing.MediaKind, found: str | None) -> None:
    assert sniffing.type_of(raw, kind) == found


async def enter(http: httpx.AsyncClient, world: World, name: str) -> None:
    await world.add_person(name, "lead", password=PASSWORD)
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def test_an_items_page_shows_its_files_through_us_and_only_its_own(http: httpx.AsyncClient, world: World) -> None:
    await kinds.configure(world)
    given = kinds.ITEMS["recording"]
    item_id = (await world.submit(type="recording", **given)).item.id
    other_id = (await world.submit()).item.id
    await enter(http, world, "mia")
    page = (await http.get(f"/p/support/items/{item_id}")).text
    assert "films.example" in page
    assert not re.search(r'src="(?!/)', page)
    call = digest_of("audio", given["input"]["call"])
    address = f"/p/support/items/{item_id}/media/{call}"
    assert f'src="{address}"' in page
    whole = await http.get(address)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/wav", kinds.wav())
    assert whole.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["cache-control"] == "private, max-age=300"
    size = len(kinds.wav())
    for asked, status, told, body in (
        ("bytes=0-9", 206, f"bytes 0-9/{size}", kinds.wav()[:10]),
        (f"bytes={size - 4}-", 206, f"bytes {size - 4}-{size - 1}/{size}", kinds.wav()[-4:]),
        (f"bytes={size}-", 416, f"bytes */{size}", b""),
        ("bytes=9-1", 200, None, kinds.wav()),
        ("bytes=0-1,4-5", 200, None, kinds.wav()),
    ):
        part = await http.get(address, headers={"range": asked})
        assert (part.status_code, part.headers.get("content-range"), part.content) == (status, told, body), asked
    pdf = await http.get(f"/p/support/items/{item_id}/media/{digest_of('pdf', given['input']['contract'])}")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert "script-src" not in pdf.headers["content-security-policy"]
    assert "default-src 'none'" in pdf.headers["content-security-policy"]
    film = await http.get(f"/p/support/items/{item_id}/media/{digest_of('video', given['input']['film'])}")
    assert (film.status_code, film.json()["code"]) == (403, "media_not_allowed")
    stranger = await http.get(f"/p/support/items/{other_id}/media/{call}")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "media_not_found")
