"""The tables of what happens when sentence or picture are changed, and of which map is asked for."""

from __future__ import annotations

import numpy as np

from pellucid.alignment import sensitivity
from pellucid.alignment.answers import ALL, ONE_LUNG
from pellucid.alignment.findings import AUROC, JS, KL, LEAN, RANDOM, SWAP
from pellucid.alignment.passing import rules
from pellucid.alignment.plan import OTHER_PATIENT, RANDOM_BOXES
from pellucid.crossed import NAN, Estimate
from pellucid.studies.alignment.gathering import Found, headline
from pellucid.studies.alignment.published import CHANGES, Published
from pellucid.studies.alignment.rows import SYNTHETIC_SWAPPED, TURNS, Row, beside, change, subset_of
from pellucid.studies.alignment.study import BASELINES
from pellucid.studies.shown import cut
from pellucid.studies.tables import Table


def tables(found: Found) -> list[Table]:
    """Changes of AUROC, what is made of the text, pass rates, and the same models by other maps."""
    return [_changes(found), _text(found), _passes(found), _aggregates(found)]


def _changes(found: Found) -> Table:
    plan = found.study.plan
    measured = {*plan.rewordings, *({RANDOM_BOXES} & set(plan.images))}
    settings = [*(s for s in CHANGES if s in measured), *(s for s in plan.rewordings if s not in CHANGES)]

    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        return tuple(found.mean(100 * change(found, variant, method, s, subset_of(s))) for s in settings)

    def said(p: Published) -> tuple[float, ...]:
        known = dict(zip(CHANGES, p.changes, strict=True))
        return tuple(100 * known.get(setting, NAN) for setting in settings)

    note = (
        "Points of AUROC, below 0 where it falls: for a swap of sides of sentences about one lung, for another sentence of the "
        "same report (derangement) of those with the most diverse boxes, else of abnormal ones. The place stays that of the "
        f"sentence as it was, but for random boxes. {SYNTHETIC_SWAPPED} is held against the synthetic sentence. Random "
        "sentences and boxes are of other places here; the published ones need not be."
    )
    head = ("variant", "map", *(setting.replace("_", " ") for setting in settings))
    return Table("changes", "What a perturbation does to AUROC", note, head, tuple(beside(found, row, said)))


def _text(found: Found) -> Table:
    lean = found.study.plan.lean
    note = (
        "Text sensitivity: how much more a map moves with a random sentence than with a random picture (Jensen-Shannon); none "
        "of a map that no picture moves, which is even or nearly so. Lean: mean score on the named lung less that on the "
        "other, over their sum. Directed laterality: share of the sentences "
        f"whose map leans to the named side by over {lean:g}, and after a swap to the other by as much. Opt-out: AUROC of the "
        "share of the null, of sentences that say only what is absent against those with a place; 0.5 for a model without a "
        "null. Retrieval: chance that the sentence's image is ranked above one of another patient that it is not known to fit. "
        f"Words move: how far {sensitivity.METHOD} of a few sentences moves, in lengths of the map, when words become those of "
        "another sentence; text / image: over how far it moves with another image, the mean over sentences, as changes are "
        "made and to first order. A map that nothing moves has no ratio."
    )
    head = (
        "variant", "text sensitivity", "lean", "named side", "directed laterality", "opt-out AUROC", "retrieval",
        "words move", "text / image", "text / image, first order",
    )  # fmt: skip
    rows = tuple(((name,), _text_of(found, name)) for name in found.study.variants)
    return Table("text", "Does the text matter?", note, head, rows)


def _text_of(found: Found, variant: str) -> tuple[Estimate, ...]:
    method = headline(variant)
    lean = found.values(variant, method, LEAN)
    text, picture = (found.values(variant, method, JS, setting) for setting in (RANDOM, OTHER_PATIENT))
    return (
        found.share(text, sensitivity.moved_by_picture(picture)),
        found.mean(lean),
        cut(found.mean(np.where(np.isnan(lean), np.nan, lean > found.study.plan.lean))),
        cut(found.mean(found.passed(variant, method, TURNS))),
        cut(found.opt_out(variant)),
        cut(found.mean(found.probed(variant, "retrieval"))),
        found.mean(found.values(variant, sensitivity.METHOD, sensitivity.TEXT, sensitivity.MADE)),
        *(
            found.mean(found.values(variant, sensitivity.METHOD, sensitivity.RATIO, setting))
            for setting in (sensitivity.MADE, sensitivity.FIRST_ORDER)
        ),
    )


def _passes(found: Found) -> Table:
    plan, names = found.study.plan, found.study.variants
    rows: list[Row] = []
    for rule in rules(plan):
        methods = [headline(name) if rule.by == "map" else "" for name in names]
        rates = tuple(cut(found.mean(found.passed(*side, rule))) for side in zip(names, methods, strict=True))
        if any(rate.n for rate in rates):
            rows.append(((rule.setting.replace("_", " "), rule.expected, rule.by), rates))
    note = (
        f"Share of the sentences for which the expected happens. Decrease: AUROC falls by over {plan.fall:g}, or the score by "
        f"over {plan.score_fall:g} standard deviations. Invariance: the map moves at most {plan.drift:g} times as far as for a "
        "random sentence, or the score does not fall so much. Mirror: the map changes sides."
    )
    return Table("passes", "Does what should happen happen?", note, ("perturbation", "expected", "by", *names), tuple(rows))


def _aggregates(found: Found) -> Table:
    methods = [name for name in found.study.plan.methods if name not in BASELINES]

    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        return (
            *(cut(found.mean(found.within(found.values(variant, method, AUROC), subset))) for subset in (ALL, ONE_LUNG)),
            found.mean(100 * change(found, variant, method, SWAP, ONE_LUNG)),
            found.mean(found.within(found.values(variant, method, KL, RANDOM), ALL)),
            cut(found.mean(found.passed(variant, method, TURNS))),
        )

    note = (
        "The same models and sentences, by map. Where words compete for each region their shares sum to 1 there, so that to "
        "first order the mean over all items (local_attention_mean) is even, whatever the sentence says; the words that name "
        "something (local_attention) and those that look at little of the image (local_attention_concentration) keep what they "
        "say."
    )
    whole: list[Row] = [((name, method), row(name, method)) for name in found.study.variants for method in methods]
    rows = tuple((names, figures) for names, figures in whole if any(figure.n for figure in figures))
    head = ("variant", "map", "AUROC", f"AUROC, {ONE_LUNG}", "points under side swap", "KL", "directed laterality")
    return Table("aggregates", "Which map of the same model", note, head, rows)
