"""Typical wrong answers."""
