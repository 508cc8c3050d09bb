"""Contestants, a module each family. A new one is a module with `CONTESTANTS`, named here."""

from . import ablations, additive, auto, autogluon, boosted, cart, ebm, linear, peer_trees, tree, within
from ._contestant import Contestant, Fitted

CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant
    for module in (cart, tree, auto, linear, additive, boosted, peer_trees, ebm, autogluon, within, ablations)
    for contestant in module.CONTESTANTS
}

__all__ = ["CONTESTANTS", "Contestant", "Fitted"]
