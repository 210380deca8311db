"""Scores of many perturbed versions of one text, reading each distinct window once.

A version of a text differs from it in some windows, and a window's logits depend on its tokens alone. They are kept in a table
under the window's content: an untouched window, one that two versions share, and the all-masked one that every middle of a text
turns into are each read once. Only logits are kept, a few bytes a window.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float

from pellucid.predictor import Filler
from pellucid.predictors.text_classifier.pooling import Pooling, pool
from pellucid.predictors.text_classifier.windows import Text, Windows, edited

_BUDGET = 96 * 2**20
"""Bytes that the table of one text may hold, and bytes of one block of versions."""


@dataclass(eq=False)
class WindowTable:
    """Logits of the windows of one text, and of every edited window met so far.

    Attributes:
        text: the text.
        own: logits of its own windows, float64.
        read: logits of windows.
        met: content of a window to its logits.
    """

    text: Text
    own: Float[np.ndarray, "N C"]
    read: Callable[[Windows], Float[np.ndarray, "M C"]]
    pooling: Pooling
    mask_id: int
    pad_id: int
    met: dict[bytes, Float[np.ndarray, " C"]] = field(init=False)

    def __post_init__(self) -> None:
        self._forget()

    def scores(self, keep: Bool[np.ndarray, "P U"], filler: Filler) -> Float[np.ndarray, "P C"]:
        """Logits of each version; float64."""
        result = np.zeros((len(keep), self.own.shape[1]))
        step = max(1, _BUDGET // max(32 * self.text.windows.ids.size, 8 * self.own.size))
        for start in range(0, len(keep), step):
            part = slice(start, start + step)
            result[part] = self._block(self.text.removed(keep[part]), filler)
        return result

    def _block(self, removed: Bool[np.ndarray, "P N R"], filler: Filler) -> Float[np.ndarray, "P C"]:
        if len(self.met) * (8 * self.own.shape[1] + 200) > _BUDGET:
            self._forget()
        there = np.ones(removed.shape[:2], dtype=bool)
        if filler == "delete":
            there = ~self.text.emptied(removed)
        version, window = np.nonzero(removed.any(2) & there)
        logits = np.tile(self.own, (len(removed), 1, 1))
        logits[version, window] = self._logits(window, removed[version, window], filler)
        return pool(torch.from_numpy(logits), torch.from_numpy(there), self.pooling).numpy()

    def _logits(self, window: np.ndarray, removed: Bool[np.ndarray, "M R"], filler: Filler) -> Float[np.ndarray, "M C"]:
        """Logits of edited windows, reading those not met before."""
        windows = edited(self.text.windows[window], removed, filler, self.mask_id, self.pad_id)
        keys = _keys(windows)
        fresh = {key: i for i, key in enumerate(keys) if key not in self.met}
        if fresh:
            self.met |= dict(zip(fresh, self.read(windows[np.fromiter(fresh.values(), dtype=np.int64)]), strict=True))
        return np.stack([self.met[key] for key in keys]) if keys else np.zeros((0, self.own.shape[1]))

    def _forget(self) -> None:
        self.met = dict(zip(_keys(self.text.windows), self.own, strict=True))


def _keys(windows: Windows) -> list[bytes]:
    """The content of each window in 16 bytes."""
    rows = zip(windows.ids, windows.types, windows.lengths, strict=True)
    return [hashlib.blake2b(np.stack([ids[:n], types[:n]]).tobytes(), digest_size=16).digest() for ids, types, n in rows]
