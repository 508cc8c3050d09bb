"""Contestants, a module each family. A new one is a module with `CONTESTANTS`, named here."""

from . import autogluon, boosted, cart, ebm, linear, peer_trees, tree
from ._contestant import Contestant, Fitted

CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant
    for module in (cart, tree, linear, boosted, peer_trees, ebm, autogluon)
    for contestant in module.CONTESTANTS
}

__all__ = ["CONTESTANTS", "Contestant", "Fitted"]
