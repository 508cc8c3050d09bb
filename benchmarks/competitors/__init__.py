"""Contestants, a module each family. A new one is a module with `CONTESTANTS`, named here."""

from . import additive, boosted, cart, linear, tree
from ._contestant import Contestant, Fitted

_MODULES = (cart, tree, linear, additive, boosted)
CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant for module in _MODULES for contestant in module.CONTESTANTS
}

__all__ = ["CONTESTANTS", "Contestant", "Fitted"]
