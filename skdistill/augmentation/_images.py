"""Images moved, turned, mirrored and made noisy."""

from __future__ import annotations

from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .._sklearn import Interval, StrOptions
from ._base import BaseSampler, Rows
from ._numbers import like, numbers_of

# Pixels that are drawn at a time: their places take 24 bytes each.
_BLOCK_PIXELS = 2_000_000


class ImageJitter(BaseSampler):
    """Images near the given ones: shifted, rotated, mirrored, with noise.

    A row is an image, its pixels row by row. Each new image is moved and turned by amounts of its own, pixels between
    pixels by linear interpolation, and what enters at an edge is the edge's own pixel.

    Parameters
    ----------
    shape : tuple of int
        (height, width), or (height, width, channels); their product is the number of columns.
    shift : float >= 0, default=1.0
        Pixels that an image is moved at most, in either direction; uniform.
    rotate : float in [0, 180], default=10.0
        Degrees that it is turned at most, either way, about its centre; uniform.
    flip : {"horizontal", "vertical"} or None, default=None
        Mirror every second image, drawn at random. Not for what changes its meaning in a mirror, such as digits.
    noise : float >= 0, default=0.0
        Standard deviation of Gaussian noise on each pixel, in units of the standard deviation of all given pixels.
    factor : float > 0, default=3.0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0, default=1.0
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows.

    See Also
    --------
    Munge : Exchanges attributes, which are no places.

    Notes
    -----
    Every new pixel is moved to the nearest value that a given pixel has, so that whole numbers, grids and ranges stay
    what they are.

    References
    ----------
    Simard, Steinkraus, Platt (2003), Best practices for convolutional neural networks applied to visual document
    analysis, ICDAR.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import ImageJitter
    >>> image = np.zeros((1, 9), dtype=np.uint8)
    >>> image[0, 4] = 255  # the middle of three by three pixels
    >>> new = ImageJitter((3, 3), shift=0, rotate=0).sample(image, 2, np.random.RandomState(0))
    >>> new[0].reshape(3, 3).tolist()
    [[0, 0, 0], [0, 255, 0], [0, 0, 0]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSampler._parameter_constraints,
        "shape": [tuple, list],
        "shift": [Interval(Real, 0, None, closed="left")],
        "rotate": [Interval(Real, 0, 180, closed="both")],
        "flip": [StrOptions({"horizontal", "vertical"}), None],
        "noise": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        shift: float = 1.0,
        rotate: float = 10.0,
        flip: str | None = None,
        noise: float = 0.0,
        factor: float = 3.0,
        weight: float = 1.0,
    ) -> None:
        self.shape = shape
        self.shift = shift
        self.rotate = rotate
        self.flip = flip
        self.noise = noise
        self.factor = factor
        self.weight = weight

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Names the parameter, what it must be and what came.
        """
        super().check()
        whole = all(isinstance(side, Integral) and side > 0 for side in self.shape)
        if len(self.shape) not in (2, 3) or not whole:
            raise ValueError(
                "The 'shape' parameter of ImageJitter must be (height, width) or (height, width, channels), whole "
                f"numbers above 0. Got {self.shape!r} instead."
            )

    def check_columns(self, n_columns: int) -> None:
        """Check that the pixels of an image are the columns of a row.

        Parameters
        ----------
        n_columns : int

        Raises
        ------
        ValueError
            Names `shape`, what it asks for and what came.
        """
        if prod(self.shape) != n_columns:
            raise ValueError(
                f"The 'shape' parameter of ImageJitter, {tuple(self.shape)}, asks for rows of {prod(self.shape)} "
                f"columns, one for each pixel. Got X with {n_columns}: pass the shape of your images, and no other "
                "columns beside the pixels."
            )

    def _new_rows(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Any:
        pixels = numbers_of(self, X)
        held, spread = np.unique(pixels), pixels.std()
        new = np.empty((len(rows), pixels.shape[1]), dtype=pixels.dtype)
        step = max(1, _BLOCK_PIXELS // pixels.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            moved = self._moved(pixels[rows[part]].astype(np.float64), rng)
            if self.noise:
                moved += rng.normal(0.0, self.noise * spread, moved.shape)
            new[part] = _nearest(held, moved)
        return like(X, new)

    def _moved(self, pixels: NDArray[np.float64], rng: np.random.RandomState) -> NDArray[np.float64]:
        """Images (n, pixels), each moved, turned and mirrored by amounts of its own."""
        height, width, *channels = self.shape
        n = len(pixels)
        images = pixels.reshape(n, height, width, *channels)
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate, n))[:, None, None]
        down, right = rng.uniform(-self.shift, self.shift, (2, n))[:, :, None, None]
        mirror = np.where(rng.random_sample(n) < 0.5, -1.0, 1.0)[:, None, None]
        # Where each new pixel comes from, measured from the centre.
        y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
        y, x = y - down, x - right
        y, x = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
        if self.flip == "vertical":
            y = mirror * y
        if self.flip == "horizontal":
            x = mirror * x
        image = np.broadcast_to(np.arange(n)[:, None, None], y.shape)
        places = np.stack([image, y + (height - 1) / 2, x + (width - 1) / 2])

        def move(plane: NDArray[np.float64]) -> NDArray[np.float64]:
            # All images at once: whole numbers along the first axis never mix two of them.
            return ndimage.map_coordinates(plane, places, order=1, mode="nearest")

        moved = np.stack([move(images[..., c]) for c in range(channels[0])], axis=-1) if channels else move(images)
        return moved.reshape(n, -1)


def _nearest(held: NDArray[Any], values: NDArray[np.float64]) -> NDArray[Any]:
    """The nearest of the sorted values that are held."""
    if len(held) == 1:
        return np.full(values.shape, held[0])
    right = np.searchsorted(held, values).clip(1, len(held) - 1)
    below, above = held[right - 1], held[right]
    return np.where(values - below < above - values, below, above)
