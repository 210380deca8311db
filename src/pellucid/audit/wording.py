"""Numbers and names as people read them."""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import dataclass

from pellucid import registry
from pellucid.errors import UnknownNameError
from pellucid.statistics import Interval

EMPTY = "–"


@dataclass(frozen=True)
class Heading:
    """How a metric is headed in a table.

    Attributes:
        short: two or three words.
        plain: one sentence that a clinician can read.
    """

    short: str
    plain: str


HEADINGS = {
    "average_precision": Heading(
        "Average precision", "How far up the ranking of words the words lie that people marked; 1 is perfect."
    ),
    "auroc": Heading("AUROC", "Chance that a marked word is ranked above an unmarked one; 0.5 is guessing."),
    "pooled_f1": Heading("F1 of words", "Agreement between the words shown to a reader and the words that people marked."),
    "pooled_precision": Heading("Precision of words", "Of the words shown, how many did people mark?"),
    "pooled_recall": Heading("Recall of words", "Of the words that people marked, how many are shown?"),
    "iou_at_size": Heading("Overlap", "Overlap with the marked words if just as many words are shown."),
    "empty": Heading("Shows nothing", "Share of explanations in which no word is strong enough to be shown."),
    "comprehensiveness": Heading(
        "Comprehensiveness", "How much the model's output falls when the words ranked highest are taken away."
    ),
    "sufficiency": Heading(
        "Sufficiency", "How much is lost when only the words ranked highest are left; below 0 the output even rises."
    ),
    "naopc_comprehensiveness": Heading(
        "Normalised AOPC", "Where the ranking lies between the worst (0) and the best (1) possible order of removal."
    ),
    "comprehensiveness_at_evidence_size": Heading(
        "Output lost without", "How far the model's output falls when exactly as many words as people marked are taken away."
    ),
    "sufficiency_at_evidence_size": Heading(
        "Output lost with only", "How far the output falls when only as many words as people marked are left."
    ),
    "comprehensiveness_over_random": Heading(
        "Lost without, beyond chance", "How much further the output falls than without equally much random text."
    ),
    "sufficiency_over_random": Heading(
        "Lost with only, beyond chance", "How much further the output falls than with only random text; below 0 it falls less."
    ),
    "evidence_of_other_labels_at_5": Heading(
        "Marked for other codes", "Share of the first five words that people marked as evidence for another code of the note."
    ),
    "relevance_mass_on_others": Heading(
        "Marked for other codes",
        "Share of what speaks for the code, by the explanation, that lies on what people marked for another code of the note.",
    ),
    "punctuation_at_5": Heading("Punctuation", "Share of the first five words that are only punctuation."),
    "precision_at_budget": Heading("Precision", "Of the words shown, how many did people mark?"),
    "recall_at_budget": Heading("Recall", "Of the words that people marked, how many are shown?"),
    "f1_at_budget": Heading("F1", "Balance of the two, code by code."),
    "empty_at_budget": Heading(
        "Shows nothing", "Share of explanations that show no word when all methods show equally much on average."
    ),
    "budget_pooled_precision": Heading("Precision of words", "Of all the words shown, how many did people mark?"),
    "budget_pooled_recall": Heading("Recall of words", "Of all the words that people marked, how many are shown?"),
    "budget_pooled_f1": Heading("F1 of words", "Balance of the two over all words together."),
    "match_exact": Heading("Exact", "The words shown are those that people marked."),
    "match_proximate": Heading("Near", "Every marked passage is met, and nothing lies more than ten words from a mark."),
    "match_partial": Heading("Partial", "Any other overlap."),
    "match_none": Heading("None", "Words are shown, but none of them is marked."),
    "match_empty": Heading("Empty", "No word is strong enough to be shown."),
    "srg": Heading("Relevance gain", "Gap between removing unimportant and removing important words first."),
    "deletion_auc": Heading("Deletion", "Mean output as the words ranked highest are taken away one after the other."),
    "insertion_auc": Heading("Insertion", "Mean output as the words ranked highest are put back one after the other."),
    "relevance_mass": Heading(
        "Relevance mass", "Share of what speaks for the label, by the explanation, that lies inside what people marked."
    ),
    "relevance_rank": Heading("Relevance rank", "Of as many first words as people marked, the share that they marked."),
    "pointing_game": Heading("Pointing game", "How often the strongest word is one that people marked."),
    "pointing_game_15": Heading(
        "Pointing game, near", "How often the strongest pixel is marked, or within 15 pixels of a mark (at 224 a side)."
    ),
    "top_intersection_2": Heading("Top 2 %", "Of the first 2 % of the pixels (or as many as are marked), how many are marked?"),
    "iou": Heading("IoU", "Overlap of shown and marked pixels, at the threshold tuned on validation images."),
    "dice": Heading("Dice", "F1 of shown and marked pixels, at the threshold tuned on validation images."),
    "iou_otsu": Heading("IoU (Otsu)", "Overlap of shown and marked pixels, at a threshold found for each explanation alone."),
    "dice_otsu": Heading("Dice (Otsu)", "F1 of shown and marked pixels, at a threshold found for each explanation alone."),
    "cnr": Heading("CNR", "How far marked pixels stand above the others, in units of their spread; 0 is chance."),
    "cnr_absolute": Heading("CNR, unsigned", "CNR without its sign: an inverted explanation looks as good as a right one."),
    "gaze_information_gain": Heading(
        "Information gain", "By how many bits a fixation the explanation foretells gaze better than gaze on other images does."
    ),
    "gaze_sauc": Heading("Shuffled AUC", "Chance that a place looked at here scores above one looked at in other images."),
    "gaze_nss": Heading("NSS", "How far the places looked at stand above the rest, in units of their spread; 0 is chance."),
    "gaze_shuffled_nss": Heading("Shuffled NSS", "The same, less what the places looked at in other images get."),
    "gaze_cc": Heading("CC", "Correlation of the explanation with where people looked."),
    "gaze_shuffled_cc": Heading("Shuffled CC", "The same, less the correlation with where people look in other images."),
    "gaze_kld": Heading("KLD", "How ill the explanation foretells gaze, in nats; a mere blur lowers it."),
    "gaze_sim": Heading("SIM", "Overlap of the explanation with where people looked; 1 is the same."),
    "gaze_emd": Heading("EMD", "How far the explanation must be moved to lie where people looked, in % of the diagonal."),
    "gaze_auc": Heading("AUC of gaze", "Chance that a place looked at scores above any other place; a centre wins."),
    "gaze_auc_judd": Heading("AUC-Judd", "The same as the MIT benchmark counts it."),
    "sensitivity_n": Heading(
        "Adds up", "How well the scores of words foretell how far the output falls without several of them; 1 is perfect."
    ),
    "gini": Heading("Gini", "How concentrated the explanation is: 0 is spread evenly, 1 is one word."),
    "k90": Heading("Words for 90 %", "How many words hold 90 % of the explanation."),
    "entropy": Heading("Entropy", "How spread out the explanation is: 0 is one word, 1 is even."),
    "model_average_precision": Heading("Mean average precision (mAP)", "How well the model ranks the right codes of a note."),
    "model_precision": Heading("Precision (micro)", "Of the codes that the model assigns, how many are right?"),
    "model_recall": Heading("Recall (micro)", "Of the right codes, how many does the model assign?"),
    "model_f1": Heading("F1 (micro)", "Balance of the two."),
}

ACCURACY = Heading("Accuracy", "How often is the most probable code a right one?")
"""What the precision of a model is that gives every note exactly one code."""

SETTINGS = {
    "mask": "words masked",
    "delete": "words deleted",
    "blur": "words blurred",
    "noise": "words made noise",
    "inpaint": "words filled in",
    "cause": "against the known cause",
    "spoken": "while the finding was named",
    "": "",
}


def heading(metric: str) -> Heading:
    """The heading of a metric; its name and the first paragraph of its docstring where no better words are known."""
    known = HEADINGS.get(metric)
    if known:
        return known
    return Heading(metric.replace("_", " ").capitalize(), first_paragraph(registry.metrics, metric))


def what_is(explainer: str) -> str:
    """What a method does, as its docstring's first paragraph says; empty for a method that is not installed here."""
    return first_paragraph(registry.explainers, explainer)


def first_paragraph(table: registry.Registry, name: str) -> str:
    """The first paragraph of the docstring behind a registered name, without its markup; empty if there is none."""
    try:
        text = inspect.getdoc(table.factory(name)) or ""
    except UnknownNameError:
        return ""
    return re.sub(r" \(:\w+:`[^`]*`\)|:\w+:(?=`)|`", "", " ".join(text.strip().partition("\n\n")[0].split()))


def number(value: float) -> str:
    """A figure with the digits that matter: two decimals below 10, one below 100, none above; a dash for NaN."""
    if math.isnan(value):
        return EMPTY
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def bounds(interval: Interval) -> str:
    """The interval alone: "[0.55, 0.69]"; empty where there is none."""
    if math.isnan(interval.low):
        return ""
    return f"[{number(interval.low)}, {number(interval.high)}]"


def figure(interval: Interval) -> str:
    """A figure with its interval: "0.62 [0.55, 0.69]"."""
    return f"{number(interval.value)} {bounds(interval)}".strip()


def p_value(p: float) -> str:
    """A p-value: "p < 0.001", "p = 0.03", with spaces that do not break; a dash for NaN."""
    if math.isnan(p):
        return EMPTY
    if p < 0.001:
        return "p\u00a0<\u00a00.001"
    return f"p\u00a0=\u00a0{p:.{3 if p < 0.01 else 2}f}"


def seconds(value: float) -> str:
    """A duration: "< 1 ms", "3 ms", "0.4 s", "12 s", "5 min"."""
    if value < 0.001:
        return "< 1 ms"
    if value < 0.0995:
        return f"{value * 1000:.2g} ms"
    if value < 99.5:
        return f"{value:.2g} s"
    return f"{value / 60:.0f} min"


def plural(count: int, word: str) -> str:
    """ "1 case", "2 cases", "1,200 cases"."""
    ending = "" if count == 1 else "s"
    return f"{count:,} {word}{ending}"


def listed(items: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
