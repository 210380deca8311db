"""What the paper's own models reach, in per cent, where it is the quantity that is measured here too.

McInerney et al. 2022 on the gold images of Chest ImaGenome: the run of May 2022 as the notebooks of the authors' code have it,
and changes of AUROC as read off the bars of their condensed figure (give or take 0.1). Their sentences of what is absent have
places too, and stand among "all"; here they have none. Entropies are left out: theirs are over 361 regions, ours over pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

NAN = float("nan")
Four = tuple[float, float, float, float]
Three = tuple[float, float, float]

RELEASED = "GLoRIA as released"
"""The one model of the paper that was not trained for it."""

SAID = ", as published"
"""Behind the name of a row."""


@dataclass(frozen=True)
class Published:
    """One row of the paper.

    Attributes:
        auroc, average_precision, synthetic: by subset, in the order of :data:`pellucid.alignment.answers.SUBSETS`; the last is
            the AUROC for synthetic sentences.
        iou, precision: at 5, 10 and 30 % of the image, of all sentences.
        divergence: symmetric KL to the map of a random sentence by subset, in nats (no per cent).
        matching: how often the true sentence fits better than a random one, by local and by global score.
        changes: points of AUROC under each of :data:`CHANGES`; NaN where the bar is cut off.
    """

    auroc: Four
    average_precision: Four
    synthetic: Four
    iou: Three
    precision: Three
    divergence: Four | None = None
    matching: tuple[float, float] = (NAN, NAN)
    changes: tuple[float, float, float, float, float] = (NAN,) * 5


CHANGES = ("side_swap", "derangement", "random_sentence", "random_boxes", "synthetic_swapped")
"""Of the condensed figure: on sentences about one lung, of the most diverse boxes, and on abnormal ones for the rest."""

PUBLISHED: dict[str, Published] = {
    RELEASED: Published(
        (69.1, 69.5, 65.5, 65.0), (51.7, 48.3, 38.7, 37.0), (69.3, 70.3, 66.6, 66.2), (3.8, 6.7, 20.1), (59, 59, 55),
        (0.080, 0.077, 0.079, 0.087), (55.2, 70.3), (-0.25, -0.8, -1.9, -7.7, -0.6),
    ),
    "retrained": Published(
        (55.8, 55.1, 53.5, 55.1), (41.2, 37.0, 28.9, 30.4), (55.0, 53.4, 52.6, 55.0), (2.5, 3.8, 4.2), (34, 38, 40),
        (0.042, 0.037, 0.032, 0.040), (70.2, 82.9), (-1.0, -0.9, -1.7, -1.7, -0.3),
    ),
    "abnormal": Published(
        (55.9, 57.6, 54.7, 55.3), (43.4, 42.2, 33.0, 32.3), (52.8, 54.1, 51.2, 53.2), (5.5, 8.1, 9.1), (43, 33, 39),
        (0.108, 0.107, 0.100, 0.108), (72.1, 76.6), (-1.5, -2.1, -3.2, -5.0, -1.6),
    ),
    "word_masking": Published(
        (61.4, 61.8, 58.1, 60.2), (44.7, 41.4, 32.0, 32.5), (59.3, 58.5, 56.0, 57.6), (1.8, 2.6, 3.5), (21, 36, 45),
        (0.046, 0.045, 0.040, 0.047), (78.9, 81.6), (-0.7, -0.6, -1.3, -5.2, -0.2),
    ),
    "clinical_masking": Published(
        (54.7, 54.9, 52.8, 54.3), (40.6, 37.3, 28.7, 29.2), (54.6, 53.6, 51.7, 53.9), (1.6, 2.2, 2.5), (28, 36, 40),
        (0.031, 0.030, 0.024, 0.030), (68.5, 81.5), (-1.0, -0.3, -2.5, -1.7, 0.0),
    ),
    "no_attn": Published(
        (57.0, 57.3, 56.5, 56.8), (41.8, 39.2, 32.7, 31.1), (56.3, 56.6, 56.1, 56.2), (3.1, 4.2, 4.3), (38, 39, 40),
        (0.044, 0.046, 0.042, 0.043), (67.3, 81.9), (-2.1, -1.7, -2.6, -3.4, -1.2),
    ),
    "shots": Published(
        (63.9, 65.3, 61.6, 62.2), (52.8, 50.4, 40.8, 39.9), (68.4, 73.1, 67.9, 66.3), (9.5, 18.2, 30.1), (73, 69, 40),
        (0.170, 0.160, 0.154, 0.168), (67.2, 79.6), (-4.0, -1.2, -3.9, -6.9, -2.5),
    ),
    "random_sentences": Published(
        (38.9, 41.1, 41.2, 41.5), (30.6, 28.2, 22.5, 21.6), (36.1, 39.8, 36.8, 39.7), (0.4, 0.8, 5.5), (15, 15, 23),
        None, (51.4, 51.3), (0.0, -0.3, -1.0, 1.2, -2.5),
    ),
    "joint": Published(
        (84.9, 83.5, 76.9, 80.5), (68.6, 66.3, 57.7, 56.1), (84.9, 83.7, 76.6, 80.0), (2.6, 7.2, 33.6), (63, 67, 64),
        (0.038, 0.037, 0.036, 0.039), (NAN, 67.2), (-1.0, 0.7, -0.6, NAN, 0.1),
    ),
}  # fmt: skip
"""By variant; "joint" is UNITER. Of the divergence after training on random sentences only the size is known, 1e-4."""
