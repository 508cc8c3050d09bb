"""Models in words: rules to follow and points to add up, for people who read what they ship. Needs NumPy alone."""

from ._rules import rules

__all__ = ["rules"]
