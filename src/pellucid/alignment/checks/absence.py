"""Sentences that say what is absent: they have no place in the image, and looking nowhere is the right answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np
from jaxtyping import Bool, Float

from pellucid.alignment.checks.base import Tally, check
from pellucid.case import Phrase

ABSENT = ("absent",)


@check("absence_as_presence", "sentences that state absence are judged by themselves")
def absence_as_presence(scored: Iterable[tuple[Phrase, str]], apart: Collection[str] = ABSENT) -> Tally:
    """Whether "no effusion" is scored against boxes as "effusion" is.

    Args:
        scored: sentences, each with the stratum in which it is scored for where its map lies.
        apart: strata that hold what is absent, and nothing else.
    """
    tally = Tally({"present": 0, "absent": 0})
    for phrase, stratum in scored:
        tally.count("absent" if phrase.absent else "present")
        if phrase.absent:
            tally.expect(
                stratum in apart, "a sentence that states absence is scored against boxes; give it a stratum of its own"
            )
        else:
            tally.expect(stratum not in apart, "a sentence that states presence is among those of absence; look at conditions")
    return tally


@check("opt_out_unrewarded", "a model that looks nowhere for what is absent gets the better figure")
def opt_out_unrewarded(figure: Callable[[Float[np.ndarray, " N"], Bool[np.ndarray, " N"]], float]) -> Tally:
    """Whether any reported figure can tell a model that opts out of absent findings from one that does not.

    Args:
        figure: higher is better; gets the opt-out share of each sentence, in [0, 1], and which sentences state absence.
    """
    absent = np.arange(40) % 2 == 1
    noise = np.random.default_rng(0).uniform(0, 0.2, size=40)
    right, even, wrong = (float(figure(noise + gain, absent.copy())) for gain in (0.7 * absent, 0.0, 0.7 * ~absent))
    tally = Tally()
    tally.expect(right > even, "opting out of what is absent is not rewarded; report the opt-out share of absent sentences")
    tally.expect(even > wrong, "opting out of what is there is not punished; compare absent sentences with the others")
    return tally
