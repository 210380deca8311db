"""What an audit of alignment will do, decided before it sees a single result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from pellucid.audit.planned import Planned
from pellucid.datasets.base import SPLITS, SplitName
from pellucid.errors import PellucidError
from pellucid.files import digest_json
from pellucid.predictor import FILLERS, Filler
from pellucid.rewording import REWORDINGS

PRIOR = "sentence_prior"
"""The mean place of training sentences about the same regions: it knows the sentence, and neither model nor image."""

BASELINES = ("random", "uniform", "centre_prior", "lungs", PRIOR)
METHODS = ("local_attention", "local_attention_mean", "dense_cosine", "grad_cam", "random", "uniform", "centre_prior", PRIOR)
METRICS = (
    "auroc", "average_precision", "relevance_mass", "relevance_rank", "pointing_game", "cnr", "iou_otsu", "dice_otsu",
    "entropy",
)  # fmt: skip

MIRROR, REGION, ELSEWHERE = "mirror", "region_occlusion", "irrelevant_occlusion"
SAME_FINDING, OTHER_PATIENT, RANDOM_BOXES = "same_finding", "other_patient", "random_boxes"
IMAGES = {
    MIRROR: "the picture flipped, and the sentence with left and right exchanged",
    REGION: "the place of the sentence filled in",
    ELSEWHERE: "a place of the same shape filled in elsewhere, where no sentence of the report lies",
    SAME_FINDING: "the picture of another patient with the same finding, on the other side where one is named",
    OTHER_PATIENT: "the picture of any other patient",
    RANDOM_BOXES: "for the same map, a place of which another patient's report speaks, apart from its own",
}
"""What is changed about the picture or the marks, by name."""


@dataclass(frozen=True)
class AlignmentPlan(Planned):
    """Everything that decides the findings and verdicts, besides the model and the data.

    Attributes:
        methods: registered explainers, and "sentence_prior".
        metrics: registered metrics of where a map lies and how wide it is.
        percents: shares of the picture, in per cent, at which what the map puts first is compared with the marks.
        rewordings: names of :data:`pellucid.rewording.REWORDINGS`.
        images: names of :data:`IMAGES`.
        filler: what takes the place of pixels that are filled in.
        split: whose sentences are asked about.
        cases: at most so many cases, drawn at random; None for all.
        max_sentences: at most so many sentences a case, drawn at random; None for all.
        fit_cases: at most so many training cases are shown to methods that learn; None for all.
        other_cases: so many cases at most give sentences and pictures of other patients.
        other_sentences: so many sentences of other patients at most are drawn for each case.
        sensitivity_cases: of so many cases the map of one sentence is asked how far words and pictures move it, which takes
            about a second each. It decides nothing else, so that a finished audit may be asked it afterwards.
        margin: by how much of AUROC a map must fall under a swap of sides to count as listening to the sentence.
        fall: by how much of AUROC a map must fall to pass where it should leave its place.
        score_fall: the same of the score of a pair, in standard deviations over true and random sentences.
        drift: a map stays if its divergence from the map of the true sentence is at most this share of the mean
            divergence for random sentences.
        lean: how far a map must lean to a side to lie there; see :func:`pellucid.alignment.maps.lean`.
        draws: bootstrap draws of every interval.
        seed: of all draws.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    called: ClassVar[str] = "A plan of alignment"

    methods: tuple[str, ...] = METHODS
    metrics: tuple[str, ...] = METRICS
    percents: tuple[int, ...] = (5, 10, 20, 30)
    rewordings: tuple[str, ...] = field(default_factory=lambda: tuple(REWORDINGS))
    images: tuple[str, ...] = tuple(IMAGES)
    filler: Filler = "inpaint"
    split: SplitName = "test"
    cases: int | None = None
    max_sentences: int | None = None
    fit_cases: int | None = 1000
    other_cases: int = 200
    other_sentences: int = 100
    sensitivity_cases: int = 10
    margin: float = 0.03
    fall: float = 0.03
    score_fall: float = 0.1
    drift: float = 0.5
    lean: float = 0.02
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("methods", "metrics", "rewordings", "images", "percents"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        for name in ("methods", "metrics"):
            if not getattr(self, name):
                raise PellucidError(f"The plan of alignment names no {name}; give at least one.")
        object.__setattr__(self, "metrics", tuple(dict.fromkeys(("auroc", *self.metrics))))
        self._check_names()
        self._check_numbers()

    def _check_names(self) -> None:
        known = {"rewordings": tuple(REWORDINGS), "images": tuple(IMAGES), "split": SPLITS, "filler": FILLERS["image"]}
        for name, allowed in known.items():
            given = getattr(self, name)
            wrong = [one for one in ((given,) if isinstance(given, str) else given) if one not in allowed]
            if wrong:
                raise PellucidError(f"The plan's {name} has no {wrong[0]!r}; choose from {', '.join(allowed)}.")

    def _check_numbers(self) -> None:
        for name in ("cases", "max_sentences", "fit_cases", "other_cases", "other_sentences", "draws"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PellucidError(f"The plan's {name} is {value}; it must be at least 1.")
        for name in ("margin", "fall", "score_fall", "drift", "lean", "seed", "sensitivity_cases"):
            if not getattr(self, name) >= 0:
                raise PellucidError(f"The plan's {name} is {getattr(self, name)}; it must be at least 0.")
        if any(not 0 < percent < 100 for percent in self.percents):
            raise PellucidError(
                f"The plan's percents are {', '.join(map(str, self.percents))}; give numbers between 0 and 100."
            )

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides the findings of a case."""
        return digest_json({name: value for name, value in self.to_json().items() if name != "sensitivity_cases"})
