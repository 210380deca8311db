"""Facts about phantom radiographs: reproducibility, patients, anatomy, exposure, options."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from drawn import printed_by_two_processes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from pellucid.case import Case, Mask
from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.datasets.phantom.chest.findings import FINDINGS
from pellucid.datasets.phantom.chest.scenes import Chances, scenes
from pellucid.errors import DataError
from pellucid.picture import Picture
from pellucid.registry import datasets

_PROGRAM = """
from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.files import digest
print(digest(*(repr((c.id, c.input("image").pixels.tobytes(), sorted(c.labels), [e.mask.tobytes() for e in c.evidence], c.meta))
               for c in PhantomChest(n=12, seed=3, size=64).prepare().cases)))
"""


def everything(case: Case) -> tuple[Any, ...]:
    """All that a case says, to be compared."""
    marks = [[(e.label, e.mask.tobytes()) for e in group if isinstance(e, Mask)] for group in (case.evidence, case.causes)]
    return case.id, case.patient, case.input("image").pixels.tobytes(), sorted(case.labels), marks, case.meta


def grey(case: Case) -> np.ndarray:
    return np.asarray(case.input("image").pixels[..., 0], dtype=np.float64)


def box_mask(box: list[int], size: int) -> np.ndarray:
    x0, y0, x1, y1 = box
    mask = np.zeros((size, size), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Three hundred small pictures of default settings."""
    return list(PhantomChest(n=300, seed=2, size=64).prepare().cases)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([32, 48, 65]))
def test_any_seed_gives_sound_cases(seed: int, size: int) -> None:
    for case in PhantomChest(n=4, seed=seed, size=size, prevalence=0.5).prepare().cases:
        picture = case.input("image")
        assert isinstance(picture, Picture)
        assert (picture.pixels.shape, picture.pixels.dtype) == ((size, size, 1), np.uint8)
        assert len(case.evidence) <= 3
        assert case.labels == {e.label for e in case.evidence}
        assert all(isinstance(e, Mask) and e.mask.shape == (size, size) and e.mask.any() for e in case.evidence)
        assert all(e.source == "phantom" for e in case.evidence)
        assert case.causes == case.evidence
        assert json.loads(json.dumps(case.meta)) == case.meta


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 9))
def test_the_first_pictures_of_a_larger_set_are_those_of_a_smaller_one(seed: int, few: int) -> None:
    large = PhantomChest(n=9, seed=seed, size=40).prepare().cases
    small = PhantomChest(n=few, seed=seed, size=40).prepare().cases
    assert [everything(c) for c in large[:few]] == [everything(c) for c in small]


def test_another_process_draws_the_same_bytes() -> None:
    first, second = printed_by_two_processes(_PROGRAM)
    assert first == second != ""


def test_the_global_generator_is_not_touched() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    PhantomChest(n=3, size=32).prepare()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_other_seeds_and_other_patients_look_different(cases: list[Case]) -> None:
    other = PhantomChest(n=5, seed=1, size=64).prepare().cases
    pictures = [grey(c) for c in (*cases[:5], *other)]
    for i, one in enumerate(pictures):
        assert all(np.abs(one - two).mean() > 2 for two in pictures[:i])


def test_another_size_shows_the_same_scenes() -> None:
    small, large = (PhantomChest(n=25, seed=4, size=size).prepare().cases for size in (64, 192))
    for one, other in zip(small, large, strict=True):
        assert one.labels == other.labels
        for a, b in zip(one.evidence, other.evidence, strict=True):
            assert isinstance(a, Mask)
            assert isinstance(b, Mask)
            shrunk = b.mask.reshape(64, 3, 64, 3).mean(axis=(1, 3)) > 0.5
            assert (a.mask & shrunk).sum() >= 0.5 * (a.mask | shrunk).sum()
        shrunk_picture = grey(other).reshape(64, 3, 64, 3).mean(axis=(1, 3))
        assert np.corrcoef(grey(one).ravel(), shrunk_picture.ravel())[0, 1] > 0.97


def test_pictures_know_their_spacing() -> None:
    (case,) = PhantomChest(n=1, size=175).prepare().cases
    assert case.input("image").spacing == (2.0, 2.0)


def test_a_patient_has_as_many_pictures_as_asked_for(cases: list[Case]) -> None:
    of: dict[str, list[Case]] = defaultdict(list)
    for case in cases[:-3]:  # the last patient may be cut off
        of[case.patient].append(case)
    assert {len(group) for group in of.values()} == {1, 2, 3}
    assert all([c.id for c in group] == [f"{who}-{i}" for i in range(1, len(group) + 1)] for who, group in of.items())
    four = PhantomChest(n=12, size=32, images_per_patient=(4, 4)).prepare().cases
    assert [c.patient for c in four] == [f"p{i:06d}" for i in range(3) for _ in range(4)]


def test_pictures_of_a_patient_are_more_alike_than_those_of_two() -> None:
    cases = PhantomChest(n=60, seed=6, size=48, prevalence=0.0, images_per_patient=(2, 2)).prepare().cases
    ratios = np.array([c.meta["heart_ratio"] for c in cases]).reshape(-1, 2)
    assert np.abs(ratios[:, 0] - ratios[:, 1]).mean() < 0.35 * np.abs(ratios[:-1, 0] - ratios[1:, 0]).mean()


def test_a_wide_heart_stays_with_its_patient_and_other_findings_come_and_go() -> None:
    cases = PhantomChest(n=160, seed=6, size=32, images_per_patient=(2, 2), prevalence=0.15).prepare().cases
    pairs = list(zip(cases[::2], cases[1::2], strict=True))
    assert sum("cardiomegaly" in one.labels for one, _ in pairs) > 5
    cut = sum(("cardiomegaly" in one.labels) != ("cardiomegaly" in other.labels) for one, other in pairs)
    assert cut <= 2  # where a picture would have had four findings
    assert sum(("nodule" in one.labels) != ("nodule" in other.labels) for one, other in pairs) > 8


def test_findings_are_as_common_as_asked_for() -> None:
    chances = Chances(12, 0.2, (1, 1), FINDINGS, 1.0, None)
    drawn = [one for patient in range(1500) for one in scenes(patient, chances)]
    for label in FINDINGS:
        assert binomtest(sum(label in one.labels for one in drawn), 1500, 0.2).pvalue > 1e-3


def test_many_pictures_are_healthy_and_some_have_three_findings(cases: list[Case]) -> None:
    counts = [len(c.evidence) for c in cases]
    assert counts.count(0) > 40
    assert counts.count(3) > 15


def test_only_the_findings_asked_for_occur() -> None:
    cases = PhantomChest(n=60, size=32, findings=("nodule", "effusion"), prevalence=0.5).prepare().cases
    assert {label for c in cases for label in c.labels} == {"nodule", "effusion"}


def test_the_right_lung_is_on_the_left_of_the_picture_and_its_dome_stands_higher(cases: list[Case]) -> None:
    for case in cases:
        right, left = case.meta["lungs"]["right"]["box"], case.meta["lungs"]["left"]["box"]
        assert right[2] <= left[0]
        assert 8 < right[2] < 40 < left[2] <= 64
        assert all(0.08 < case.meta["lungs"][side]["share"] < 0.3 for side in ("right", "left"))
    lower = [c.meta["lungs"]["left"]["box"][3] - c.meta["lungs"]["right"]["box"][3] for c in cases]
    assert np.mean(lower) > 0.5


def test_lungs_are_dark_and_the_middle_is_bright() -> None:
    for case in PhantomChest(n=30, seed=1, size=96, prevalence=0.0).prepare().cases:
        picture, lungs = grey(case), case.meta["lungs"]
        (rx0, _, rx1, _), (lx0, _, lx1, _) = lungs["right"]["box"], lungs["left"]["box"]
        rows = slice(30, 52)
        right, left = picture[rows, (rx0 + rx1) // 2 - 5 : (rx0 + rx1) // 2 + 5], picture[rows, lx1 - 18 : lx1 - 8]
        middle = picture[rows, (rx1 + lx0) // 2 - 2 : (rx1 + lx0) // 2 + 3]
        assert middle.mean() > 1.5 * max(right.mean(), left.mean())


def test_the_heart_lies_left_of_the_midline_mostly(cases: list[Case]) -> None:
    hearts = [(c, e) for c in cases for e in c.evidence if e.label == "cardiomegaly" and isinstance(e, Mask)]
    assert len(hearts) > 25
    for case, mark in hearts:
        midline = (case.meta["lungs"]["right"]["box"][2] + case.meta["lungs"]["left"]["box"][0]) / 2
        assert np.flatnonzero(mark.mask.any(axis=0)).mean() > midline


def test_the_heart_is_wider_than_half_the_chest_in_cardiomegaly_alone(cases: list[Case]) -> None:
    for case in cases:
        assert (case.meta["heart_ratio"] > 0.5) == ("cardiomegaly" in case.labels)


def test_exposures_differ_and_hardly_clip(cases: list[Case]) -> None:
    pictures = np.stack([grey(c) for c in cases])
    assert (pictures == 255).mean(axis=(1, 2)).max() < 0.06
    assert np.percentile(pictures, 99, axis=(1, 2)).min() > 150
    assert np.percentile(pictures, 1, axis=(1, 2)).max() < 90
    assert pictures.std(axis=(1, 2)).min() > 30
    assert pictures.mean(axis=(1, 2)).std() > 4


def test_meta_describes_what_the_masks_show(cases: list[Case]) -> None:
    for case in cases:
        for said, mark in zip(case.meta["findings"], case.evidence, strict=True):
            assert isinstance(mark, Mask)
            assert said["label"] == mark.label
            assert np.pi / 4 * said["size"] ** 2 == pytest.approx(mark.mask.mean(), rel=0.01)
            x0, y0, x1, y1 = said["box"]
            assert not (mark.mask & ~box_mask(said["box"], 64)).any()
            assert mark.mask[y0].any()
            assert mark.mask[y1 - 1].any()
            assert mark.mask[:, x0].any()
            assert mark.mask[:, x1 - 1].any()
            assert 0 < said["contrast"] < 0.5


def test_it_is_registered_and_says_what_it_is() -> None:
    prepared = datasets.create("phantom_chest", n=2, size=32).prepare()
    assert prepared.name == "phantom_chest"
    assert len(prepared.cases) == 2
    assert json.loads(json.dumps(prepared.about))["options"]["size"] == 32
    assert not datasets.create("phantom_chest", n=0).prepare().cases


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": -1}, "n of phantom_chest is -1"),
        ({"seed": -2}, "seed of phantom_chest"),
        ({"size": 31}, "give 32 to 1024 pixels"),
        ({"size": 4096}, "give 32 to 1024 pixels"),
        ({"contrast": 0.0}, "give a factor above 0"),
        ({"contrast": float("nan")}, "give a factor above 0"),
        ({"prevalence": 1.2}, "give a chance between 0 and 1"),
        ({"prevalence": float("nan")}, "give a chance between 0 and 1"),
        ({"readers": -1}, "readers of phantom_chest is -1; give 0 to 5"),
        ({"readers": 6}, "readers of phantom_chest is 6"),
        ({"gaze_on_findings": 0.95}, "gaze_on_findings of phantom_chest is 0.95; give a share between 0 and 0.9"),
        ({"gaze_on_findings": float("nan")}, "gaze_on_findings of phantom_chest"),
        ({"images_per_patient": (0, 2)}, "least number first"),
        ({"images_per_patient": (3, 2)}, "least number first"),
        ({"findings": ()}, "no finding at all"),
        ({"findings": ("nodule", "hernia")}, "cannot draw 'hernia'"),
        ({"shortcut": "bow tie", "shortcut_label": "nodule"}, "cannot plant 'bow tie'"),
        ({"shortcut": "tag"}, "shortcut_label of phantom_chest is None"),
        ({"shortcut": "tag", "shortcut_label": "nodule", "findings": ("effusion",)}, "choose one of its findings"),
        ({"shortcut_label": "nodule"}, "no shortcut"),
        ({"shortcut": "tag", "shortcut_label": "nodule", "shortcut_rate": 1.1}, "shortcut_rate of phantom_chest is 1.1"),
        ({"shortcut": "tag", "shortcut_label": "nodule", "shortcut_rate_absent": -0.1}, "shortcut_rate_absent"),
        ({"shortcut": "tag", "shortcut_label": "nodule", "shortcut_faint": float("nan")}, "shortcut_faint"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        PhantomChest(**options)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
