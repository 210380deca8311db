"""What is a signal, and what is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.signals import STANDARD_LEADS, Signal

ECG = Signal(np.arange(60, dtype=np.float32).reshape(5, 12), 100.0)


def test_an_electrocardiogram_has_the_twelve_leads_in_mv_unless_said_otherwise() -> None:
    assert ECG.leads == STANDARD_LEADS == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    assert ECG.unit == "mV"
    assert Case("c", "p", {"signal": ECG}, frozenset()).signal is ECG


def test_a_lead_is_a_column_found_by_its_name() -> None:
    for column, name in enumerate(STANDARD_LEADS):
        np.testing.assert_array_equal(ECG.lead(name), ECG.samples[:, column])
    with pytest.raises(DataError, match=r"no lead 'AVR'; it has I, II, III, aVR, .*, V6\.$"):
        ECG.lead("AVR")


def test_a_signal_lasts_as_long_as_its_samples_take() -> None:
    assert ECG.duration == 0.05
    assert Signal(np.zeros((1, 1), dtype=np.float32), 250.0, ("pulse",), "").duration == 0.004


def test_leads_in_a_list_are_those_in_a_tuple() -> None:
    assert replace(ECG, leads=list(STANDARD_LEADS)).leads == STANDARD_LEADS  # type: ignore[arg-type]


def with_a_gap(value: float) -> np.ndarray:
    samples = ECG.samples.copy()
    samples[3, 7] = value
    return samples


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"samples": ECG.samples.astype(np.float64)},
            r"A signal is float64 of shape \(5, 12\); give samples x leads of 32-bit",
        ),
        ({"samples": ECG.samples[:, 0]}, r"A signal is float32 of shape \(5,\)"),
        ({"samples": ECG.samples[:0]}, r"A signal is float32 of shape \(0, 12\)"),
        ({"samples": ECG.samples.tolist()}, "A signal is a list; give samples x leads of 32-bit floats"),
        ({"leads": STANDARD_LEADS[:11]}, "A signal of 12 leads has the names I, .*, V5; name each once"),
        ({"leads": ("I",) * 12}, "A signal of 12 leads has the names I, I, "),
        ({"samples": with_a_gap(np.nan)}, "Lead V2 of a signal has samples that are no finite numbers; fill or cut them"),
        ({"samples": with_a_gap(-np.inf)}, "Lead V2 of a signal has samples that are no finite numbers"),
        ({"rate": 0.0}, "A signal has a rate of 0.0 samples a second; give a finite number above 0"),
        ({"rate": -100.0}, "A signal has a rate of -100.0 samples a second"),
        ({"rate": float("nan")}, "A signal has a rate of nan samples a second"),
        ({"rate": float("inf")}, "A signal has a rate of inf samples a second"),
    ],
)
def test_what_is_no_signal_is_refused_in_one_sentence(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        replace(ECG, **changes)  # type: ignore[arg-type]
    assert str(refused.value).endswith(".")
