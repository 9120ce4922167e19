"""Accepts AI outputs, routes them, and decides by rule or opens a case."""
