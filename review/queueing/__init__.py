"""Pools, cases, assignments and claims: the state machine of human work."""
