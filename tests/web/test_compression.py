"""Pages and files go over the wire compressed, unless that could tell a secret or nobody asked for it."""

import gzip

import httpx
import pytest

from review.kernel.resources import static_dir
from tests.make import OF_A_PAGE, World
from tests.web.test_pages import HTML, sign_in

FILE = "/static/countersign.css"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}  # which any site may lead to
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


async def raw(http: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Ask, and give what came as it came."""
    async with http.stream("GET", path, headers=HTML | GZIP | headers) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join([part async for part in answer.aiter_raw()])


async def test_a_file_comes_smaller_and_is_the_same(http: httpx.AsyncClient) -> None:
    headers, body = await raw(http, FILE)
    content = (static_dir() / "countersign.css").read_bytes()
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["etag"].startswith("W/")
    assert int(headers["content-length"]) == len(body) < len(content) / 3
    assert gzip.decompress(body) == content


@pytest.mark.parametrize("taken", ["identity", "br", "gzip;q=0", "gzip; q=0", ""])
async def test_who_does_not_take_gzip_is_given_none(http: httpx.AsyncClient, taken: str) -> None:
    headers, body = await raw(http, FILE, **{"Accept-Encoding": taken})
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"
    assert body == (static_dir() / "countersign.css").read_bytes()


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_a_page_that_its_reader_asked_for_comes_smaller(http: httpx.AsyncClient, world: World, site: str) -> None:
    await sign_in(http, world)
    headers, body = await raw(http, "/p/support", **{"Sec-Fetch-Site": site})
    assert headers["content-encoding"] == "gzip"
    assert b"What waits for you" in gzip.decompress(body)


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
async def test_a_page_that_another_site_had_asked_for_is_never_compressed(
    http: httpx.AsyncClient, world: World, site: str
) -> None:
    """Its length would tell the other site how its own words compress with what is secret in it."""
    await sign_in(http, world)
    headers, body = await raw(http, "/p/support/find?q=csrf-token", **{"Sec-Fetch-Site": site} | NAVIGATION)
    assert "content-encoding" not in headers
    assert b"csrf-token" in body


async def test_what_the_api_answers_goes_as_it_is(http: httpx.AsyncClient, world: World) -> None:
    headers, _ = await raw(
        http, "/api/v1/items", **OF_A_PAGE, Accept="application/json", Authorization=f"Bearer {world.service_key}"
    )
    assert "content-encoding" not in headers
    assert "accept-encoding" not in headers.get("vary", "").lower()
