"""Passkeys in a real browser with a virtual authenticator: added, signed in with, removed."""

from typing import Any

import pytest
from playwright.async_api import Browser, CDPSession, Page

from tests.browser.conftest import Site
from tests.make import PASSWORD

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def with_authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give the page a device of its own that makes passkeys and asks nobody."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    made: dict[str, Any] = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return devtools, made["authenticatorId"]


async def add(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/account")
    await page.get_by_label("Name").fill("Work laptop")
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("Your new passkey is added.").wait_for()


async def sign_out(page: Page) -> None:
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_role("button", name="Use a passkey").wait_for()


async def test_a_passkey_from_adding_it_to_removing_it(page: Page, named: Site) -> None:
    devtools, authenticator = await with_authenticator(page)
    await named.sign_in(page)
    await page.get_by_role("heading", name="What waits for you").wait_for()
    assert "passkeys.js" not in await page.content()
    await add(page, named)
    assert await page.get_by_text("never used").is_visible()
    await page.get_by_label("Name").fill("The same again")
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("This device has a passkey of yours already").wait_for()
    await sign_out(page)

    await page.goto(f"{named.url}/account")
    await page.get_by_role("button", name="Use a passkey").click()
    await page.get_by_role("heading", name="Your account").wait_for()
    assert await page.get_by_text("with a passkey, since").is_visible()
    assert await page.get_by_text("Work laptop").first.is_visible()
    assert not await page.get_by_text("never used").is_visible()
    kept: dict[str, Any] = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
    assert [each["rpId"] for each in kept["credentials"]] == ["localhost"]

    await page.get_by_role("button", name="Remove it").click()
    await page.get_by_text("That passkey is removed.").wait_for()
    await sign_out(page)
    await page.get_by_role("button", name="Use a passkey").click()
    await page.get_by_text("The passkey was not taken").wait_for()


async def test_a_device_that_does_not_know_its_owner_lets_nobody_in(page: Page, named: Site) -> None:
    devtools, authenticator = await with_authenticator(page)
    await named.sign_in(page)
    await page.get_by_role("heading", name="What waits for you").wait_for()
    await add(page, named)
    await sign_out(page)
    unknown = {"authenticatorId": authenticator, "isUserVerified": False}
    await devtools.send("WebAuthn.setUserVerified", unknown)
    await page.get_by_role("button", name="Use a passkey").click()
    await page.get_by_text("Your device gave no passkey").wait_for()
    assert await page.get_by_role("button", name="Use a passkey").is_enabled()


async def test_after_ten_minutes_the_password_is_asked_for(page: Page, named: Site) -> None:
    await with_authenticator(page)
    await named.sign_in(page)
    await page.get_by_role("heading", name="What waits for you").wait_for()
    await named.world.db.hot.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    await page.goto(f"{named.url}/account")
    password = page.locator("#present-passkey")
    await page.get_by_label("Name").fill("Work laptop")
    await password.fill("wrong horse battery")
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("That is not your present password").wait_for()
    await password.fill(PASSWORD)
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("Your new passkey is added.").wait_for()


@pytest.mark.parametrize("width", [1440, 390])
async def test_without_script_no_passkey_is_offered_and_both_pages_fit(
    browser: Browser, named: Site, width: int
) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 844})
    page = await context.new_page()
    await page.goto(f"{named.url}/sign-in")
    assert not await page.get_by_role("button", name="Use a passkey").is_visible()
    await named.sign_in(page, "/account")
    await page.goto(f"{named.url}/account")
    assert await page.get_by_role("heading", name="Passkeys").is_visible()
    assert not await page.get_by_role("button", name="Add a passkey").is_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await context.close()


async def test_at_a_bare_address_no_passkey_is_offered(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/sign-in")
    assert await page.locator("form[data-passkey]").count() == 0
    await site.sign_in(page)
    await page.get_by_role("heading", name="What waits for you").wait_for()
    await page.goto(f"{site.url}/account")
    assert not await page.get_by_role("heading", name="Passkeys").is_visible()
