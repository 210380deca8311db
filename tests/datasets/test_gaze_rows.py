"""What adapters of gaze share: paths, sentences, and the words of findings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets.egd_sheet import COLUMNS, SCREEN
from pellucid.datasets.finding_words import WORDS, mentions
from pellucid.datasets.gaze_rows import Scanpath, looks, said, sound
from pellucid.datasets.reflacx_labels import NAMES
from pellucid.datasets.screens import LetterBox
from pellucid.datasets.spoken import Sentence, sentences


def path(*starts: float) -> Scanpath:
    """A path of fixations that begin at these times."""
    return Scanpath(np.array([[1, 1, start, 0.5] for start in starts]).reshape(-1, 4), np.ones((len(starts), 2)))


@given(
    bars=st.tuples(*[st.integers(0, 400)] * 2),
    point=st.tuples(st.floats(0, 1, exclude_min=True, exclude_max=True), st.floats(0, 1, exclude_min=True, exclude_max=True)),
)
def test_a_share_of_what_is_shown_is_the_same_share_of_the_image(bars: tuple[int, int], point: tuple[float, float]) -> None:
    box = LetterBox(SCREEN, bars[0], bars[1], bars[1], bars[0])
    shown = np.array([[box.left, box.top]]) + np.array([point]) * box.shown
    assert box.on_image(shown, (500, 300))[0] == pytest.approx(np.array(point) * [300, 500], abs=1e-6)


def test_the_border_of_the_image_is_beside_it() -> None:
    box = LetterBox(SCREEN, 0, 0, 240, 240)
    edge = np.array([[240.0, 540], [1680, 540], [960, 0], [960, 1080], [240.5, 0.5]])
    assert box.on_bars(edge).tolist() == [True, True, True, True, False]


@given(st.lists(st.floats(0, 100), max_size=12), st.floats(0, 100), st.floats(0, 20), st.floats(0, 10))
def test_a_window_keeps_what_began_in_it(starts: list[float], begin: float, length: float, lead: float) -> None:
    said = [Sentence("x", begin, begin + length), Sentence("y", begin, begin + length)]
    kept = path(*starts).during(said, lead).rows[:, 2].tolist()
    assert kept == [start for start in starts if begin - lead <= start <= begin + length]
    assert not len(path(*starts).during([], lead))


def test_a_fixation_is_counted_once_for_the_first_of_its_faults() -> None:
    exclusions: list = []  # type: ignore[type-arg]
    faults = {"one": np.array([True, False, False]), "two": np.array([True, True, False])}
    kept = sound(path(3, 2, 1), ["a", "b", "c"], faults, exclusions)
    assert kept.rows[:, 2].tolist() == [1]
    assert [(e.where, e.reason) for e in exclusions] == [("a", "one"), ("b", "two")]
    assert sound(path(3, 1, 2), ["a", "b", "c"], {}, []).rows[:, 2].tolist() == [1, 2, 3]


def test_an_empty_path_gives_no_gaze() -> None:
    assert not list(looks(path(), [Sentence("a pneumothorax", 0, 9)], frozenset({"pneumothorax"}), 5, "human"))


def test_every_sentence_has_the_gaze_of_its_time_and_one_without_a_word_is_counted() -> None:
    exclusions: list = []  # type: ignore[type-arg]
    spoken = [
        Sentence("heart , normal .", 10, 12),
        Sentence("__ .", 12, 13),
        Sentence("lungs\nclear", 13, 14),
        Sentence("no  effusion?", 40, 41),
    ]
    first, second, third = said(path(4, 5, 9, 12, 13.5, 20), spoken, 5, "human:R", "R", exclusions)
    assert [phrase.text for phrase in (first, second, third)] == ["heart, normal.", "lungs clear", "no effusion?"]
    assert first.gaze is not None
    assert second.gaze is not None
    assert first.gaze.fixations[:, 2].tolist() == [5, 9, 12]
    assert second.gaze.fixations[:, 2].tolist() == [9, 12, 13.5]
    assert third.gaze is None
    assert (first.source, first.gaze.source, first.label, first.gaze.label) == ("human:R", "human:R", None, None)
    assert not any(phrase.groundable or phrase.abnormal or len(phrase.boxes.boxes) for phrase in (first, second, third))
    assert [(e.where, e.reason) for e in exclusions] == [("R sentence 2", "a sentence has no word")]


def test_words_are_joined_up_to_each_full_stop() -> None:
    spoken = [("clear", 1, 2), (".", 2, 3), (".", 3, 4), ("heart is", 5, 6), ("2.5", 6, 7), ("cm.", 7, 8), ("end", 9, 10)]
    found = list(sentences(Sentence(*word) for word in spoken))
    assert found == [Sentence("clear .", 1, 3), Sentence("heart is 2.5 cm.", 5, 8), Sentence("end", 9, 10)]
    assert list(sentences([])) == []


@pytest.mark.parametrize(
    ("label", "sentence", "said"),
    [
        ("consolidation", "Right basal consolidation.", True),
        ("consolidation", "No focal consolidation.", False),
        ("consolidation", "No effusion, pneumothorax or consolidation.", False),
        ("consolidation", "No effusion but a consolidation at the base", True),
        ("consolidation", "consolidation with no effusion", True),
        ("pleural abnormality", "consolidation with no effusion", False),
        ("pleural abnormality", "The effusion has resolved.", False),
        ("pneumothorax", "A pneumothorax is not seen", False),
        ("pneumothorax", "A pneumothorax is seen", True),
        ("enlarged cardiac silhouette", "The heart is mildly enlarged", True),
        ("enlarged cardiac silhouette", "Heart size is not enlarged", False),
        ("enlarged cardiac silhouette", "the hearth", False),
        ("CHF", "mild pulmonary edema", True),
        ("support devices", "midline trachea", False),
        ("support devices", "Two lines end in the atrium", True),
        ("Normal", "The lungs are normal", False),
    ],
)
def test_a_sentence_affirms_a_finding_or_does_not(label: str, sentence: str, said: bool) -> None:
    assert mentions(label, sentence) is said


def test_every_label_but_normal_has_words() -> None:
    labels = {*NAMES, "support devices", *COLUMNS["three"].values(), *COLUMNS["findings"].values()}
    assert labels - set(WORDS) == {"Normal"}
    assert set(WORDS) <= labels
