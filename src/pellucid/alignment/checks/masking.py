"""Hidden words: does the mask token reach the encoder as its own token, or is it read as the word "mask"?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from pellucid.alignment.checks.base import Tally, check
from pellucid.predictor import SentenceAlignment

_SENTENCES = (("the {} lung", 1), ("{} effusion.", 1), ("Small effusion, {}", 1), ("{} {} opacity", 2), ("the left lung", 0))


@check("mask_token_lost", "the mask token reaches the encoder as its own id")
def mask_token_lost(tokenise: Callable[[str], Sequence[int]], mask_token: str, mask_id: int) -> Tally:
    """Whether cleaning or lower-casing turns the mask token into an ordinary word on its way to the encoder.

    Args:
        tokenise: a sentence to the ids that the encoder gets, with all cleaning that comes before.
        mask_token: what stands in a sentence for a hidden word.
        mask_id: the id of the tokenizer's mask token.
    """
    tally = Tally()
    for sentence, hidden in _SENTENCES:
        ids = [int(one) for one in tokenise(sentence.replace("{}", mask_token))]
        tally.count("mask ids", ids.count(int(mask_id)))
        tally.expect(
            ids.count(int(mask_id)) == hidden,
            "a hidden word does not reach the encoder as one mask id; clean sentences before words are hidden, not after",
        )
    return tally


@check("mask_read_as_word", "a model reads its mask token as one hidden word, unlike any word in its place")
def mask_read_as_word(model: SentenceAlignment) -> Tally:
    """The same of a whole model, from what it makes of sentences.

    Its mask token must be one item, cover the characters of the token, and differ from the token's letters read as a word.

    Args:
        model: any with the capability `sentence_alignment`.
    """
    tally, token = Tally(), model.mask_token
    word = "".join(letter for letter in token if letter.isalnum()) or "mask"
    hidden, spelt = f"the {token} lung", f"the {word} lung"
    with torch.no_grad():
        side, other = model.read([hidden]), model.read([spelt])
    place = (hidden.index(token), hidden.index(token) + len(token))
    spans = [(int(a), int(b)) for a, b in side.spans[0]]
    tally.expect(spans.count(place) == 1, "the mask token is cut into words; keep it whole when a sentence is read")
    same = side.whole.shape == other.whole.shape and torch.allclose(side.whole, other.whole, rtol=1e-6, atol=1e-9)
    tally.expect(not same, "a hidden word is read as the letters of the mask token; clean sentences before words are hidden")
    return tally
