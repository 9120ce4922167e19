"""Signing in with OpenID Connect: providers, their tokens, the people they vouch for, and signing out again."""
