"""Models in words: rules to follow and points to add up, for people who read what they ship. Needs NumPy alone."""

from ._conditions import Box, Wording, above
from ._rules import rules
from ._trees import Branch, branches

__all__ = ["Box", "Branch", "Wording", "above", "branches", "rules"]
