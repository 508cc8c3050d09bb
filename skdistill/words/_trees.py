"""Trees as nested if and else."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..model import Tree
from ._conditions import Box, Range, Wording, above
from ._layout import Steps


class Branch(NamedTuple):
    """A tree without the tests whose answer is known: a leaf, or two ways on."""

    leaf: int  #: its number, -1 for a split
    box: Box  #: the rows that come here
    feature: int = -1
    ranges: tuple[Range, Range] | None = None  #: where the feature must be for the one and the other
    ways: tuple[Branch, ...] = ()

    def leaves(self) -> list[Branch]:
        """All leaves, in the order of their numbers."""
        return [leaf for way in self.ways for leaf in way.leaves()] if self.ways else [self]

    def conditions(self, leaf: int) -> dict[int, Range] | None:
        """What is asked on the way to a leaf, in its order; None if no row gets there."""
        if not self.ways:
            return {} if self.leaf == leaf else None
        assert self.ranges is not None
        for way, within in zip(self.ways, self.ranges, strict=True):
            found = way.conditions(leaf)
            if found is not None:
                return {self.feature: found.pop(self.feature, within), **found}
        return None

    def tested(self) -> list[int]:
        """Encoded features that are asked for, each once."""
        below = [feature for way in self.ways for feature in way.tested()]
        return list(dict.fromkeys([self.feature, *below])) if self.ways else []


def branches(tree: Tree, wording: Wording) -> Branch:
    """The tree as it concerns rows that the preprocessor can make.

    Whatever follows from the tests above is left out: a category excludes the others of its column, and a missing
    number has a known value.
    """
    leaf_of_node = (tree.feature < 0).cumsum() - 1

    def descend(node: int, box: dict[int, Range]) -> Branch:
        while (feature := int(tree.feature[node])) >= 0:
            threshold, right = float(tree.threshold[node]), int(tree.right[node])
            low, high = box.get(feature, wording.whole(feature))
            if low <= threshold < high:
                break
            node = node + 1 if high <= threshold else right
        else:
            return Branch(int(leaf_of_node[node]), box)
        if wording.features[feature].part == "value":
            ranges = (low, threshold), (above(threshold), high)
            boxes = [{**box, feature: ranges[0]}, {**box, feature: ranges[1]}]
        else:
            ranges = (0.0, 0.0), (1.0, 1.0)
            boxes = [{**box, feature: ranges[0]}, {**box, **wording.implied(feature), feature: ranges[1]}]
        ways = descend(node + 1, boxes[0]), descend(right, boxes[1])
        return Branch(-1, box, feature, ranges, ways)

    return descend(0, {})


def steps(root: Branch, wording: Wording, leaf: Callable[[Branch], str]) -> Steps:
    """Say a tree, with `leaf` for what holds at a leaf.

    Of two ways the one that ends is said first, so that the rest is a chain of else; else what is, before what is not.
    """
    said = Steps()

    def walk(branch: Branch, depth: int, lead: str) -> None:
        while branch.ranges is not None:
            is_value = wording.features[branch.feature].part == "value"
            first = 0 if is_value else 1
            if branch.ways[first].ways and not branch.ways[1 - first].ways:
                first = 1 - first
            low, high = branch.ranges[first]
            if is_value:  # the other end is known from above
                least, most = wording.whole(branch.feature)
                low, high = (low, most) if first else (least, high)
            condition = f"{lead}if {wording.condition(branch.feature, (low, high))}:"
            if branch.ways[first].ways:
                said.lines.append((depth, condition))
                walk(branch.ways[first], depth + 1, "")
            else:
                said.lines.append((depth, f"{condition} {leaf(branch.ways[first])}"))
            branch, lead = branch.ways[1 - first], "else "
        said.lines.append((depth, f"{lead.replace(' ', ': ')}{leaf(branch)}"))

    walk(root, 0, "")
    return said
