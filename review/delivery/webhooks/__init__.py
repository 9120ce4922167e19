"""Webhooks by the Standard Webhooks specification: endpoints, secrets, deliveries, attempts."""
