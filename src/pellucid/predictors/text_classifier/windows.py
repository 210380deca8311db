"""Texts as windows of tokens: how a text of any length becomes what an ordinary classifier reads.

A classifier reads so many tokens at once. A longer text is cut into consecutive windows, each between special tokens of its
own, and each behind the question where the case has one. Windows do not overlap: a token that stood in two of them would be two
rows of the features, and no single gradient, attention or score of it would be the whole truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Int

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import Filler
from pellucid.predictors.plm_ca.chunks import edit
from pellucid.units import TextUnits


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows that the classifier reads one by one.

    Attributes:
        ids: token ids, right-padded.
        types: segment of each token (0: question, or the text where there is none).
        lengths: tokens of each window.
    """

    ids: Int[np.ndarray, "N R"]
    types: Int[np.ndarray, "N R"]
    lengths: Int[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Any) -> Windows:
        return Windows(self.ids[index], self.types[index], self.lengths[index])

    def trimmed(self) -> Windows:
        """The same without columns that are padding in all of them."""
        longest = int(self.lengths.max(initial=0))
        return Windows(self.ids[:, :longest], self.types[:, :longest], self.lengths)

    def padded(self, width: int, pad: int) -> Windows:
        """The same with as many columns as asked for."""
        extra = ((0, 0), (0, width - self.ids.shape[1]))
        return Windows(np.pad(self.ids, extra, constant_values=pad), np.pad(self.types, extra), self.lengths)


@dataclass(frozen=True, eq=False)
class Text:
    """One text in windows.

    Attributes:
        windows: in reading order.
        content: flat positions (window * R + column) of the text's own tokens, in order; the others are special tokens, the
            question and padding.
        truncated: tokens that did not fit and were dropped from the end.
    """

    windows: Windows
    content: Int[np.ndarray, " U"]
    truncated: int

    def removed(self, keep: Bool[np.ndarray, "P U"]) -> Bool[np.ndarray, "P N R"]:
        """Where each version of the text lacks a token."""
        result = np.zeros((len(keep), self.windows.ids.size), dtype=bool)
        result[:, self.content] = ~keep
        return result.reshape(len(keep), *self.windows.ids.shape)

    def emptied(self, removed: Bool[np.ndarray, "P N R"]) -> Bool[np.ndarray, "P N"]:
        """Windows of which no token of text is left, but for the first where nothing at all is left."""
        count, width = self.windows.ids.shape
        held = np.bincount(self.content // width, minlength=count)
        gone = np.asarray(removed.sum(2) == held)
        gone[gone.all(1), 0] = False
        return gone


@dataclass(frozen=True, eq=False)
class Texts:
    """The data of a batch of texts; all windows have as many columns."""

    texts: tuple[Text, ...]

    @property
    def truncated(self) -> tuple[int, ...]:
        """Tokens dropped from each text."""
        return tuple(text.truncated for text in self.texts)


def tokenise(tokenizer: Any, case: Case, window: int, most: int | None, segments: bool) -> tuple[Text, TextUnits]:
    """Read one case as windows, with the text range of every token.

    Args:
        window: tokens of a window, special ones and the question included.
        most: windows at most.
        segments: whether the classifier tells segments apart.

    Raises:
        DataError: the text or the question is empty, or the question leaves no room for text.
    """
    pieces = _pieces(tokenizer, case, window)
    found = tokenizer(
        *pieces,
        truncation="only_first" if len(pieces) == 1 else "only_second",
        max_length=window,
        stride=0,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    own = [np.array([s == len(pieces) - 1 for s in found.sequence_ids(n)]) for n in range(len(found["input_ids"]))]
    read = len(own) if most is None else min(most, len(own))
    types = found.get("token_type_ids") if segments else None
    windows = _stack(found["input_ids"][:read], types, tokenizer.pad_token_id)
    width = windows.ids.shape[1]
    content = np.concatenate([n * width + np.flatnonzero(mask) for n, mask in enumerate(own[:read])])
    offsets = np.concatenate([np.array(found["offset_mapping"][n]).reshape(-1, 2)[own[n]] for n in range(read)])
    dropped = int(sum(mask.sum() for mask in own[read:]))
    return Text(windows, content, dropped), TextUnits(case.text, offsets.astype(np.int64), "token")


def alike(texts: Sequence[Text], pad: int) -> Texts:
    """Texts whose windows have as many columns as the longest of them."""
    width = max(text.windows.ids.shape[1] for text in texts)
    return Texts(tuple(_widened(text, width, pad) for text in texts))


def edited(windows: Windows, removed: Bool[np.ndarray, "M R"], filler: Filler, mask: int, pad: int) -> Windows:
    """Windows with some tokens replaced by the mask token, or deleted: the gap is closed within the window."""
    ids, lengths = edit(windows.ids, windows.lengths, removed, filler, mask, pad)
    types = windows.types if filler == "mask" else edit(windows.types, windows.lengths, removed, filler, mask, 0)[0]
    return Windows(ids, types, lengths)


def perturbed(text: Text, keep: Bool[np.ndarray, " U"], filler: Filler, mask: int, pad: int) -> Text:
    """One version of a text. Its `content` is that of the original only with the filler "mask"."""
    removed = text.removed(keep[None])
    windows = edited(text.windows, removed[0], filler, mask, pad)
    if filler == "delete":
        windows = windows[~text.emptied(removed)[0]]
    return replace(text, windows=windows)


def joined(texts: Sequence[Text]) -> Windows:
    """All windows of several texts, one after the other."""
    parts = [text.windows for text in texts]
    return Windows(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("ids", "types", "lengths")))


def _pieces(tokenizer: Any, case: Case, window: int) -> tuple[str, ...]:
    """What the tokenizer reads: the text, or a question and the text."""
    if not case.text.strip():
        raise DataError(f"The text of case {case.id} is empty; leave the case out or give its text.")
    if "question" not in case.inputs:
        return (case.text,)
    question = cast(str, case.input("question"))
    if not question.strip():
        raise DataError(f"The question of case {case.id} is empty; give its question, or leave the input out.")
    needed = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
    if needed + tokenizer.num_special_tokens_to_add(pair=True) >= window:
        raise DataError(
            f"The question of case {case.id} has {needed} tokens, which leave no room in a window of {window}; shorten it."
        )
    return question, case.text


def _stack(ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None, pad: int) -> Windows:
    lengths = np.array([len(row) for row in ids])
    inside = np.arange(lengths.max()) < lengths[:, None]
    result = Windows(np.full(inside.shape, pad, dtype=np.int64), np.zeros(inside.shape, dtype=np.int64), lengths)
    result.ids[inside] = np.concatenate([np.asarray(row) for row in ids])
    if types is not None:
        result.types[inside] = np.concatenate([np.asarray(row) for row in types[: len(ids)]])
    return result


def _widened(text: Text, width: int, pad: int) -> Text:
    old = text.windows.ids.shape[1]
    content = text.content // old * width + text.content % old
    return replace(text, windows=text.windows.padded(width, pad), content=content)
