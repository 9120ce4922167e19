"""Webhooks, channels and what pools are told; and that no refusal shows an address."""

from datetime import timedelta

import pytest

from review.configuration.document import parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.outlets import Channel, Notices, Quiet, Webhook
from review.configuration.plans import compare
from review.configuration.rules import ProjectConfig, compile_config

SECRET = "T0PSECRET"
GOOD = """\
project: support
item_types: {}
rules: []
pools:
  triage:
    notify:
      channel: ops
      kinds: [mentioned, escalated]
      digest: 15m
      quiet: {hours: 20:00-07:00, timezone: Europe/Berlin}
  seniors: {notify: {channel: pager}}
channels:
  ops: {url: 'slack://T0PSECRET/a/b'}
  pager: {url: env:REVIEW_CHANNEL_PAGER}
webhooks:
  - {name: crm, url: 'https://example.com/T0PSECRET?x=1', events: [item.decided, decision.revised], max_in_flight: 5}
  - {name: other, url: 'http://[::1]:8080/', events: [item.queued]}
"""


def compiled(source: str) -> ProjectConfig:
    return compile_config(parse(source))


def faults(source: str) -> list[ConfigError]:
    with pytest.raises(ConfigurationInvalid) as caught:
        compiled(source)
    return caught.value.faults


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_outlets_in_full() -> None:
    config = compiled(GOOD)
    assert config.webhooks == {
        "crm": Webhook("crm", "https://example.com/T0PSECRET?x=1", ("item.decided", "decision.revised"), 5),
        "other": Webhook("other", "http://[::1]:8080/", ("item.queued",), 10),
    }
    assert config.channels == {
        "ops": Channel("ops", "slack://T0PSECRET/a/b"),
        "pager": Channel("pager", "env:REVIEW_CHANNEL_PAGER"),
    }
    quiet = Quiet(1200, 420, "Europe/Berlin")
    assert config.pools["triage"].notices == Notices("ops", ("mentioned", "escalated"), timedelta(minutes=15), quiet)
    assert config.pools["seniors"].notices == Notices("pager", ("sla_warning", "escalated", "sla_breached"))


TRIAGE = "pools.triage.notify"


@pytest.mark.parametrize(
    ("old", "new", "path", "told"),
    [
        ("channel: ops", "channel: op", f"{TRIAGE}.channel", "did you mean `ops`"),
        ("      channel: ops\n", "", TRIAGE, "`channel` is missing"),
        ("mentioned, escalated", "mentions", f"{TRIAGE}.kinds[0]", "did you mean `mentioned`"),
        ("mentioned, escalated", "mentioned, mentioned", f"{TRIAGE}.kinds[1]", "stands there twice"),
        ("[mentioned, escalated]", "[]", f"{TRIAGE}.kinds", "must be a list of at least one of assigned"),
        ("digest: 15m", "digest: 30s", f"{TRIAGE}.digest", "must be from 1m to 1d"),
        ("hours: 20:00-07:00", "hours: late", f"{TRIAGE}.quiet.hours", "must be hours of the day"),
        ("hours: 20:00-07:00", "hours: 07:00-07:00", f"{TRIAGE}.quiet.hours", "begin and end at different times"),
        ("timezone: Europe/Berlin", "timezone: Berlin", f"{TRIAGE}.quiet.timezone", "is no time zone"),
        (", timezone: Europe/Berlin", "", f"{TRIAGE}.quiet", "`timezone` is missing"),
        ("{hours: 20:00-07:00, timezone: Europe/Berlin}", "nights", f"{TRIAGE}.quiet", "must be a mapping"),
        ("{notify: {channel: pager}}", "{notify: pager}", "pools.seniors.notify", "must be a mapping"),
        ("'slack://T0PSECRET/a/b'", "T0PSECRET", "channels.ops.url", "must be an address with a scheme"),
        ("'slack://T0PSECRET/a/b'", "[slack://T0PSECRET]", "channels.ops.url", "must be an address with a scheme"),
        ("'slack://T0PSECRET/a/b'", "'slack://T0PSECRET/ b'", "channels.ops.url", "must be an address with a scheme"),
        ("{url: 'slack://T0PSECRET/a/b'}", "'slack://T0PSECRET/a/b'", "channels.ops", "must be a mapping"),
        ("  ops: {url: 'slack://T0PSECRET/a/b'}", "  slack://T0PSECRET: {url: x}", "channels", "a name that is none"),
        ("env:REVIEW_CHANNEL_PAGER", "env:REVIEW_DATABASE_URL", "channels.pager.url", "env:REVIEW_CHANNEL_…"),
        ("env:REVIEW_CHANNEL_PAGER", "", "channels.pager", "`url` is missing"),
        ("name: other", "name: crm", "webhooks[1].name", "`crm` is the name of an earlier webhook"),
        ("name: other", "name: Other", "webhooks[1].name", "must be a name"),
        ("name: other, ", "", "webhooks[1]", "`name` is missing"),
        ("[item.queued]", "item.queued", "webhooks[1].events", "must be a list of at least one"),
        ("[item.queued]", "[item.queud]", "webhooks[1].events[0]", "did you mean `item.queued`"),
        ("[item.queued]", "[webhook.test]", "webhooks[1].events[0]", "is no event"),
        ("max_in_flight: 5", "max_in_flight: 51", "webhooks[0].max_in_flight", "from 1 to 50"),
        ("https://example.com/T0PSECRET", "ftp://example.com/T0PSECRET", "webhooks[0].url", "https://host/path"),
        ("https://example.com/T0PSECRET", "https:///T0PSECRET", "webhooks[0].url", "https://host/path"),
        ("https://example.com/T0PSECRET", "https://a:b:T0PSECRET/", "webhooks[0].url", "https://host/path"),
        ("https://example.com/T0PSECRET", "https://[T0PSECRET/", "webhooks[0].url", "https://host/path"),
        ("https://example.com/T0PSECRET", "https:\\\\example.com\\T0PSECRET", "webhooks[0].url", "https://host/path"),
        ("https://example.com/T0PSECRET", "https://me:T0PSECRET@example.com/", "webhooks[0].url", "a user name"),
        ("https://example.com/T0PSECRET", "https://T0PSECRET@example.com/", "webhooks[0].url", "a user name"),
        ("?x=1", "#x", "webhooks[0].url", "must not have a fragment"),
        ("?x=1", "? x=1", "webhooks[0].url", "printable ASCII"),
        ("example.com/", "exämple.com/", "webhooks[0].url", "printable ASCII"),
    ],
)
def test_a_fault_names_its_path_and_never_the_address(old: str, new: str, path: str, told: str) -> None:
    """Promise 29: whoever sees the refusal, a log or a screen, sees no secret."""
    found = faults(edited(old, new))
    assert [fault for fault in found if fault.path == path and told in fault.message], [str(each) for each in found]
    assert SECRET not in " ".join(map(str, found))


def test_a_secret_in_the_wrong_place_of_a_step_is_not_shown() -> None:
    source = GOOD + "escalation_policies: {ladder: [{after: 80%, notify: 'channel:slack://T0PSECRET/x'}]}\n"
    (fault,) = faults(source)
    assert fault.path == "escalation_policies.ladder[0].notify"
    assert SECRET not in fault.message


def test_sections_that_are_no_lists_or_mappings() -> None:
    for section, told in (("webhooks: {a: b}", "must be a list"), ("channels: [a]", "must map names")):
        (fault,) = faults(f"project: p\nitem_types: {{}}\npools: {{a: }}\nrules: []\n{section}\n")
        assert told in fault.message
    found = faults("project: p\nitem_types: {}\npools: {a: }\nrules: []\nwebhooks: [x]\n")
    assert [fault.message for fault in found] == ["must be a webhook: {name, url, events}"]


def test_plans_show_every_section() -> None:
    before, after = parse(GOOD).data, parse(GOOD).data
    after["channels"]["ops"]["url"] = "slack://other"
    after["webhooks"] = [after["webhooks"][0] | {"max_in_flight": 6}, {"name": "new"}]
    after["calendars"] = {"c": {}}
    after["escalation_policies"] = {"l": [{"after": "80%"}]}
    assert [str(each) for each in compare(before, after)] == [
        "+ calendar c",
        "+ escalation policy l",
        "~ channel ops (url)",
        "+ webhook new",
        "~ webhook crm (max_in_flight)",
        "- webhook other",
    ]
    moved = after | {"escalation_policies": {"l": [{"after": "90%"}]}}
    assert [str(each) for each in compare(after, moved)] == ["~ escalation policy l"]
