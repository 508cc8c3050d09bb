"""Levers of the headline tree."""

from __future__ import annotations

from benchmarks.competitors.ablations import LEVERS, Lever
from skdistill import TreeStudent


def test_lever_set_to_the_default_moves_nothing():
    defaults = TreeStudent().get_params()
    assert not Lever("a", "a", {"repair": defaults["repair"]}).moves
    assert Lever("b", "b", {"shrinkage": defaults["shrinkage"] + 1}).moves
    assert Lever("c", "c", blend=0.0).moves


def test_names_are_unique():
    assert len({lever.name for lever in LEVERS}) == len(LEVERS)
