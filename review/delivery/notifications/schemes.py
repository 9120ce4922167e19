"""Which apprise URLs may be used: those of services over the network, and of nothing on this machine."""

ENVIRONMENT = "env:"
PREFIX = "REVIEW_CHANNEL_"

_NAMES = """
    json jsons xml xmls form forms mailto mailtos apprise apprises
    slack workflow workflows discord gchat mmost mmosts rocket rockets zulip matrix matrixs wxteams webex ryver twist
    flock lark feishu dingtalk wecombot nctalk nctalks synology synologys guilded revolt line zoom ringc cliq kook
    tgram signal signals threema whatsapp viber
    ntfy ntfys gotify gotifys pover pbul pushdeer pushdeers bark barks simplepush join prowl
    opsgenie pagerduty splunk victorops pagertree squadcast incidentio ilert spike firehydrant betterstack goalert
    goalerts signl4 xmatters
    twilio vonage nexmo msgbird plivo clicksend sinch telnyx bulksms d7sms
    mailgun sendgrid postmark sparkpost brevo resend ses sns
    mastodon mastodons jira github hassio hassios
"""
SCHEMES = frozenset(_NAMES.split())


def scheme_of(url: str) -> str:
    """Give what a URL begins with, in lower case; empty where it begins with no scheme."""
    scheme, mark, _ = url.strip().partition("://")
    return scheme.lower() if mark else ""
