"""What is claimed of sentences and maps, as tests: a claim is that a figure lies above 0.

All margins were chosen before any result was seen. Figures are paired by patient, sentence and seed, for new patients and new
training runs; p is corrected by Holm's method over the claims of a family.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pellucid.alignment.answers import ALL, ONE_LUNG
from pellucid.alignment.findings import AUROC, KL, SWAP
from pellucid.alignment.findings import RANDOM as ELSEWHERE
from pellucid.alignment.passing import Rule
from pellucid.alignment.plan import PRIOR
from pellucid.alignment.shares import clopper_pearson
from pellucid.crossed import Estimate
from pellucid.studies.alignment.gathering import Found, Rows, headline
from pellucid.studies.alignment.probing import USUAL
from pellucid.studies.alignment.rows import TURNS, change
from pellucid.studies.alignment.variants import OURS, RANDOM, REMEDIES, RETRAINED
from pellucid.studies.claims import Claim, corrected

UNMOVED, TURNED, STAYED, SKILL, TOLD = 0.03, 0.95, 0.95, 0.10, 0.9
"""Change of AUROC at most; shares that pass; AUROC above the data-set mean; AUROC of opting out, at least."""

EVEN, DEAF = 0.999, 1e-3
"""Entropy of a map that learnt nothing, at least, and its symmetric divergence under a random sentence, at most."""

ROUNDING = 1e-9
"""Change of AUROC below which a map did not move."""

STAYS = Rule("paraphrase", "invariance", "map")


def claims(found: Found) -> list[Claim]:
    """Every claim that the variants of the study allow, family by family."""
    families = (_failing(found), _ours(found), _beyond_anatomy(found), _remedies(found), _control(found))
    return [claim for family in families for claim in corrected(list(family))]


def _failing(found: Found) -> Iterator[Claim]:
    """The failure of the paper: equivalence, by both one-sided tests at once."""
    if RETRAINED in found.study.variants:
        moved = change(found, RETRAINED, headline(RETRAINED), SWAP, ONE_LUNG)
        upward = found.mean(moved).value > 0
        text = (
            f"{RETRAINED}: a swap of sides changes AUROC by under {100 * UNMOVED:g} points on sentences about one lung "
            f"({UNMOVED:g} minus the size of the change)"
        )
        figure = found.mean(UNMOVED - (moved if upward else -moved))
        still = figure.n > 0 and float(np.nanmax(np.abs(moved))) < ROUNDING
        yield Claim("failure", text, frozen(figure, UNMOVED) if still else figure)


def _ours(found: Found) -> Iterator[Claim]:
    if OURS not in found.study.variants:
        return
    method = headline(OURS)
    rates = {
        f"{OURS}: over {TURNED:.0%} of maps lie on the named side and change sides with it": (TURNS, TURNED),
        f"{OURS}: over {STAYED:.0%} of maps stay under a paraphrase": (STAYS, STAYED),
    }
    for text, (rule, least) in rates.items():
        yield Claim("ours", f"{text} (share - {least:g})", rate_above(found, found.passed(OURS, method, rule), least))
    own, usual = found.values(OURS, method, AUROC), found.probed(OURS, AUROC)
    yield Claim(
        "ours",
        f"{OURS}: AUROC over {100 * SKILL:g} points above the {USUAL} map, which knows no sentence (difference - {SKILL:g})",
        found.mean(found.within(own - usual - SKILL, ALL)),
    )
    text = f"{OURS}: the null tells absent findings from those with a place (AUROC - {TOLD:g})"
    yield Claim("ours", text, opt_out_above(found, TOLD))
    if RETRAINED in found.study.variants:
        ranked = found.probed(OURS, "retrieval") - found.probed(RETRAINED, "retrieval")
        yield Claim("ours", f"{OURS}: retrieval is not below that of {RETRAINED} (difference; no margin)", found.mean(ranked))


def _beyond_anatomy(found: Found) -> Iterator[Claim]:
    """Against what knows of the sentence which regions it is about."""
    if OURS in found.study.variants:
        own, prior = found.values(OURS, headline(OURS), AUROC), found.values(OURS, PRIOR, AUROC)
        text = f"{OURS}: AUROC above that of {PRIOR}, which knows the regions that a sentence is about (difference)"
        yield Claim("regions", text, found.mean(found.within(own - prior, ALL)))


def _remedies(found: Found) -> Iterator[Claim]:
    if RETRAINED not in found.study.variants:
        return
    base = found.values(RETRAINED, headline(RETRAINED), AUROC)
    for name in REMEDIES:
        if name in found.study.variants:
            gained = found.within(found.values(name, headline(name), AUROC) - base, ALL)
            yield Claim("remedies", f"{name}: AUROC above that of {RETRAINED} (difference)", found.mean(gained))


def _control(found: Found) -> Iterator[Claim]:
    """Who learns from sentences about other images should learn to look nowhere in particular."""
    if RANDOM in found.study.variants:
        method = headline(RANDOM)
        entropy, moved = found.values(RANDOM, method, "entropy"), found.values(RANDOM, method, KL, ELSEWHERE)
        text = f"{RANDOM}: maps are even (entropy - {EVEN:g})"
        yield Claim("control", text, found.mean(found.within(entropy - EVEN, ALL)))
        text = f"{RANDOM}: a random sentence moves no map ({DEAF:g} - symmetric KL)"
        yield Claim("control", text, found.mean(found.within(DEAF - moved, ALL)))


def rate_above(found: Found, passed: Rows, least: float) -> Estimate:
    """A share of sentences less `least`: the wider of two intervals, the larger of two p.

    Close to 1 hardly anything varies between patients and runs, so that their layout promises too much, and most of all where
    nothing fails. Beside it stands the interval of Clopper and Pearson 1934 for a share of as many trials as there are
    patients, as Korn and Graubard 1998 use it for surveys; the number of successes need not be whole.
    """
    rate = found.mean(passed - least)
    return rate if rate.n == 0 else widened(rate, least, rate.patients)


def frozen(figure: Estimate, margin: float) -> Estimate:
    """The margin less the change of maps of which none moved, whatever was swapped: nothing varies, and a t-test has no answer.

    As AUROC changes by 1 at most, the mean change is at most the share of patients whose maps move, and of so many patients
    none was seen (Clopper and Pearson 1934).
    """
    most = clopper_pearson(0.0, figure.patients)[1]
    p = exact(0.0, margin, figure.patients)
    return replace(figure, low=margin - most, high=margin, p=p, p_patients=p)


def opt_out_above(found: Found, least: float) -> Estimate:
    """The AUROC of opting out less `least`.

    Where it is 1, the trials are pairs of patients, each in one pair: of one an absent finding, of the other one with a place.
    """
    first = found.first
    absent, placed = (set(first.patients[kind].tolist()) for kind in (first.absent, first.placed))
    area = found.opt_out(OURS, above=least)
    pairs = min(len(absent), len(placed), len(absent | placed) // 2)
    return widened(area, least, pairs) if pairs and found.opt_out(OURS).value == 1 else area


def widened(figure: Estimate, least: float, trials: int) -> Estimate:
    """A share less `least`, no surer than so many trials allow: neither its interval, cut to shares, nor its p."""
    share = figure.value + least
    (low, high), p = clopper_pearson(share, trials), exact(share, least, trials)
    low, high = np.nanmin([figure.low + least, low]), np.nanmax([figure.high + least, high])
    p, p_patients = np.nanmax([figure.p, p]), np.nanmax([figure.p_patients, p])
    ends = np.clip([low, high], 0.0, 1.0) - least
    return replace(figure, low=float(ends[0]), high=float(ends[1]), p=float(p), p_patients=float(p_patients))


def exact(share: float, least: float, trials: int) -> float:
    """The two-sided p of a share of so many trials being `least`, by the exact test; successes need not be whole."""
    from scipy.stats import beta  # here, since it is slow to import

    hits, misses = share * trials, (1 - share) * trials
    above = beta.cdf(least, hits, misses + 1) if hits > 0 else 1.0
    below = beta.sf(least, hits + 1, misses) if misses > 0 else 1.0
    return float(min(1.0, 2 * min(above, below)))
