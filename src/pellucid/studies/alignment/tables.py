"""The tables of a study of alignment; beside each variant what the paper says of it, where it is the same quantity."""

from __future__ import annotations

from pellucid.alignment.answers import ALL, SUBSETS
from pellucid.alignment.findings import AUROC, KL, MATCHING, RANDOM
from pellucid.alignment.hearing import NULL
from pellucid.crossed import NAN, Estimate
from pellucid.studies.alignment import changing
from pellucid.studies.alignment.gathering import Found
from pellucid.studies.alignment.probing import USUAL
from pellucid.studies.alignment.published import Published
from pellucid.studies.alignment.rows import SYNTHETIC, baselines, beside
from pellucid.studies.alignment.study import PERCENTS
from pellucid.studies.shown import cut
from pellucid.studies.tables import Table

PRECISION = "average_precision"


def tables(found: Found) -> list[Table]:
    """Where maps lie, what they put first, what they are like; what perturbations do to them; and which map is asked for."""
    return [_auroc(found), _precision(found), _overlap(found), _maps(found), *changing.tables(found)]


def _auroc(found: Found) -> Table:
    columns = [(subset, setting) for setting in ("", SYNTHETIC) for subset in SUBSETS]

    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        return tuple(cut(found.mean(found.within(found.values(variant, method, AUROC, s), subset))) for subset, s in columns)

    rows = [*beside(found, row, lambda p: (*p.auroc, *p.synthetic)), *baselines(found, row)]
    rows.append((("–", USUAL), (*_usual(found, AUROC), *(found.mean(found.nothing) for _ in SUBSETS))))
    note = (
        "Pixels of the marks against all others, for the sentence of the report and for a plain one made from its regions and "
        "conditions (synthetic). Abnormal: it says that something is there which is not normal. One lung: its regions are of "
        "one. Most diverse boxes: the tenth of the reports whose places overlap least. Rows without a variant know nothing of "
        f"the model: {USUAL} is the mean place of all training sentences, sentence_prior that of those about the same regions."
    )
    head = ("variant", "map", *(f"{subset}, {setting}" if setting else subset for subset, setting in columns))
    return Table("auroc", "Where maps lie: AUROC", note, head, tuple(rows))


def _precision(found: Found) -> Table:
    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        return tuple(cut(found.mean(found.within(found.values(variant, method, PRECISION), subset))) for subset in SUBSETS)

    rows = [*beside(found, row, lambda p: p.average_precision), *baselines(found, row)]
    rows.append((("–", USUAL), _usual(found, PRECISION)))
    note = "As above. It depends on how much of the picture is marked, so that figures of other pictures say little."
    return Table("average_precision", "Where maps lie: average precision", note, ("variant", "map", *SUBSETS), tuple(rows))


def _usual(found: Found, metric: str) -> tuple[Estimate, ...]:
    values = found.probed(found.study.variants[0], metric)
    return tuple(cut(found.mean(found.within(values, subset))) for subset in SUBSETS)


def _overlap(found: Found) -> Table:
    percents = [percent for percent in PERCENTS if percent in found.study.plan.percents]
    columns = [(of, percent) for of in ("iou", "precision") for percent in percents]

    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        named = [f"{of}_at_{percent}_percent" for of, percent in columns]
        return tuple(cut(found.mean(found.within(found.values(variant, method, name), ALL))) for name in named)

    def said(p: Published) -> tuple[float, ...]:
        known = {"iou": p.iou, "precision": p.precision}
        return tuple(known[of][PERCENTS.index(percent)] for of, percent in columns)

    rows = [*beside(found, row, said), *baselines(found, row)]
    note = (
        "The first 5, 10 and 30 % of all pixels against the marks: exactly so many, and where equal scores leave open which, "
        "the expectation. The published figures break ties in two ways, and some would not be possible without."
    )
    head = ("variant", "map", *(f"{'IoU' if of == 'iou' else of}, {percent} %" for of, percent in columns))
    return Table("overlap", "What maps put first", note, head, tuple(rows))


def _maps(found: Found) -> Table:
    def row(variant: str, method: str) -> tuple[Estimate, ...]:
        null, far = found.values(variant, "", NULL), found.values(variant, method, KL, RANDOM)
        return (
            cut(found.mean(found.within(found.values(variant, method, "entropy"), ALL))),
            *(found.mean(found.within(far, subset)) for subset in SUBSETS),
            *(cut(found.mean(found.values(variant, "", metric, RANDOM))) for metric in MATCHING),
            *(cut(found.mean(found.only(kind, null))) for kind in (found.first.placed, found.first.absent)),
        )

    def said(p: Published) -> tuple[float, ...]:
        far = (NAN,) * len(SUBSETS) if p.divergence is None else tuple(100 * value for value in p.divergence)
        return (NAN, *far, *p.matching, NAN, NAN)

    note = (
        "Entropy: of the map over pixels, over that of an even one. KL: symmetric, in nats, between the maps of the sentence "
        "and of a random one about other regions, on the same image. Matching: how often the sentence fits its image better "
        "than that random one, by local and by global score. Null: share of what clinical words look at that is no place in "
        "the image, for sentences with a place and for those that say only what is absent."
    )
    far = (f"KL, {subset}" for subset in SUBSETS)
    head = ("variant", "map", "entropy", *far, "matching, local", "matching, global", "null, with a place", "null, absent")
    return Table("maps", "What maps are like", note, head, tuple(beside(found, row, said)))
