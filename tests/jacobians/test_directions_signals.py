"""Directions of signals: what happens while one is recorded, and the waves of a heartbeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from clinical import heartbeat, limb, named, off_its_derivative, reasons, signal_model

from pellucid.jacobians import of_model
from pellucid.jacobians.directions import collected
from pellucid.signals import STANDARD_LEADS

BEAT = heartbeat()


def directions(case=BEAT, names=None, **model):
    return collected(of_model(signal_model(case, **model), case), names)


EVERY = directions()
START = torch.from_numpy(BEAT.signal.samples).double()


@pytest.mark.parametrize("direction", EVERY.directions, ids=lambda d: d.name)
def test_the_tangent_is_the_derivative_of_the_path(direction):
    assert off_its_derivative(direction) < 1e-4
    assert float((direction.at(0) - START).abs().max()) < 1e-12
    assert direction.tangent.abs().max() > 0


def test_a_recording_of_twelve_leads_lacks_nothing():
    assert EVERY.skipped == ()
    assert {d.group for d in EVERY.directions} == {"acquisition", "timing", "waves"}
    assert len(EVERY.directions) == 1 + 12 + 1 + 2 + 4 + 2 + 3 + 3 + 3


def test_gains_and_offset_change_what_they_say():
    torch.testing.assert_close(named(EVERY, "gain").at(1), 1.1 * START)
    torch.testing.assert_close(named(EVERY, "offset").at(2), START + 0.2)
    torch.testing.assert_close(sum(d.tangent for d in EVERY.directions if d.name.startswith("gain of lead")), 0.1 * START)


def test_hum_and_wander_have_their_frequency():
    spectrum = torch.fft.rfft(named(EVERY, "mains hum of 50 Hz, sine").tangent[:, 0]).abs()
    assert int(spectrum.argmax()) / 2.0 == 50  # two seconds
    wander = named(EVERY, "baseline wander, cosine").tangent
    assert float(wander.max()) == pytest.approx(0.1)
    assert int((torch.diff(torch.sign(wander[:, 0])) != 0).sum()) == 1  # 0.6 of a period


def test_a_slow_recording_holds_no_hum():
    slow = directions(heartbeat(rate=110))
    assert reasons(slow)["mains hum of 60 Hz"] == "110 samples a second do not hold it"
    assert any(d.name == "mains hum of 50 Hz, sine" for d in slow.directions)


@pytest.mark.parametrize("swap", [("left arm", "right arm"), ("left arm", "left leg"), ("right arm", "left leg")])
def test_a_swap_records_what_exchanged_electrodes_would(swap):
    place = {"left arm": "LA", "right arm": "RA", "left leg": "LL"}
    one, two = START[:, 0].numpy(), START[:, 1].numpy()  # I = LA - RA, II = LL - RA
    potentials = {"RA": np.zeros_like(one), "LA": one, "LL": two}
    a, b = (place[name] for name in swap)
    exchanged = limb(potentials | {a: potentials[b], b: potentials[a]})
    found = named(EVERY, f"swap of {swap[0]} and {swap[1]}").at(1)
    for lead, samples in exchanged.items():
        np.testing.assert_allclose(found[:, STANDARD_LEADS.index(lead)], samples, atol=1e-6)
    torch.testing.assert_close(found[:, 6:], START[:, 6:])


def test_two_swaps_undo_each_other():
    swap = named(EVERY, "swap of left arm and right arm").at(1)
    twice = replace(BEAT, inputs={"signal": replace(BEAT.signal, samples=swap.float().numpy())})
    again = named(directions(twice, ["lead_swap"]), "swap of left arm and right arm").at(1)
    torch.testing.assert_close(again, START, atol=1e-6, rtol=0)


def test_a_swap_needs_all_limb_leads():
    few = directions(heartbeat(leads=("I", "II", "V1")))
    assert reasons(few)["swap of left arm and right arm"] == "the model reads no lead III"
    assert reasons(few).keys() == {f"swap of {pair}" for pair in _PAIRS}


_PAIRS = ("left arm and right arm", "left arm and left leg", "right arm and left leg")


def test_a_faster_heart_brings_beats_together():
    """The R waves are at 0.4 and 1.4 s, about a middle of 1 s."""
    lead = named(EVERY, "heart rate").at(4)[:, 1].numpy()  # 20 % faster
    peaks = np.argmax(lead[:200]), 200 + np.argmax(lead[200:])
    assert (peaks[1] - peaks[0]) / 200 == pytest.approx(1 / 1.2, abs=0.006)


def test_a_shift_by_whole_samples_only_shifts():
    shifted = named(EVERY, "time shift").at(1)  # 10 ms are two samples
    torch.testing.assert_close(shifted[2:], START[:-2], atol=1e-12, rtol=0)


def test_st_elevation_lifts_st_segments_of_its_leads_alone():
    inside = next(mark.mask for mark in BEAT.anatomy if mark.label == "ST segment")
    for wall, leads in {"anterior": ("V1", "V2", "V3", "V4"), "inferior": ("II", "III", "aVF")}.items():
        columns = np.isin(STANDARD_LEADS, leads)
        lifted = named(EVERY, f"{wall} ST elevation").at(2) - START
        np.testing.assert_allclose(lifted, 0.2 * (inside & columns), atol=1e-12)


def test_walls_are_told_by_leads_that_differ():
    walls = [named(EVERY, f"{wall} ST elevation").tangent for wall in ("anterior", "inferior", "lateral")]
    assert all(float((a * b).abs().max()) == 0 for a, b in ((walls[0], walls[1]), (walls[0], walls[2]), (walls[1], walls[2])))


def test_amplitudes_are_measured_from_the_baseline_and_not_from_zero():
    lifted = replace(BEAT, inputs={"signal": replace(BEAT.signal, samples=BEAT.signal.samples + np.float32(1))})
    found = named(directions(lifted), "amplitude of T").tangent
    torch.testing.assert_close(found, named(EVERY, "amplitude of T").tangent, atol=1e-6, rtol=0)
    inside = next(mark.mask for mark in BEAT.anatomy if mark.label == "T wave")
    assert float(found.abs().numpy()[~inside].max()) == 0


def test_without_segments_waves_are_skipped_with_the_reason():
    found = directions(replace(BEAT, anatomy=()))
    assert reasons(found)["amplitude of QRS"] == "the case does not say where QRS lies"
    assert reasons(found)["anterior ST elevation"] == "the case does not say where ST lies"


def test_segments_follow_the_signal_to_the_rate_and_the_leads_that_the_model_reads():
    case = heartbeat(rate=400, leads=("II", "V2"))
    found = directions(case, rate=200, leads=("V2", "II"))
    step = named(found, "anterior ST elevation").tangent
    inside = next(mark.mask for mark in case.anatomy if mark.label == "ST segment")[1::2, 0]
    np.testing.assert_allclose(step[:, 0], 0.1 * inside, atol=1e-12)
    assert float(step[:, 1].abs().max()) == 0
    assert reasons(found)["lateral ST elevation"] == "the model reads none of the lateral leads"
