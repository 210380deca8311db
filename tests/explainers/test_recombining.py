"""Many notes from few chunks: what is exchanged, what it saves, and that the explanation stays as good."""

from __future__ import annotations

import numpy as np
import pytest
from classifiers import classifier
from classifiers import text as classified
from games import GameModel, teams, text
from hypothesis import given
from hypothesis import strategies as st
from models import coder, note

from pellucid.explainers.coalitions import Players, players
from pellucid.explainers.kernel_shap import KernelShap
from pellucid.explainers.lime import Lime
from pellucid.explainers.recombining import bank_size, recombined
from pellucid.target import Target


def side(count, chunk):
    return Players(np.arange(count), np.arange(count) // chunk)


def parts(present, who):
    """For each chunk the different versions of it."""
    return [set(map(bytes, present[:, who.chunk == c])) for c in range(who.chunk.max() + 1)]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_every_chunk_of_a_new_note_comes_from_the_bank(count, chunk, samples, seed):
    who, rng = side(count, chunk), np.random.default_rng(seed)
    bank = rng.random((20, count)) < rng.random((20, 1))
    found = recombined(bank, who, samples, rng)
    assert len(found) == samples
    for made, given_ in zip(parts(found, who), parts(bank, who), strict=True):
        assert made <= given_


def test_every_chunk_of_the_bank_is_used_equally_often():
    who, rng = side(30, 10), np.random.default_rng(0)
    bank = rng.random((50, 30)) < 0.5
    found = recombined(bank, who, 200, rng)
    for c in range(3):
        used = sorted(map(bytes, found[:, who.chunk == c]))
        assert used == sorted(4 * list(map(bytes, bank[:, who.chunk == c])))


@pytest.mark.parametrize("samples", [1000, 2500, 4000])
def test_new_notes_are_about_as_full_as_those_in_the_bank(samples):
    who, rng = side(400, 50), np.random.default_rng(0)
    share = np.sort(rng.random(1000))
    found = recombined(rng.random((1000, 400)) < share[:, None], who, samples, rng)
    expected = share[np.arange(samples) * 1000 // samples]
    assert np.abs(found.mean(1) - expected).max() < 0.15


def test_notes_that_share_a_chunk_stand_near_each_other():
    who, rng = side(400, 50), np.random.default_rng(0)
    bank = rng.random((1000, 400)) < rng.random((1000, 1))
    found = recombined(bank, who, 4000, rng)
    versions = [bytes(row) for row in found[:, :50] if 5 < row.sum() < 45]  # others are alike by chance
    places = {v: [i for i, other in enumerate(versions) if other == v] for v in set(versions[::50])}
    assert max(max(p) - min(p) for p in places.values()) < 4 * 80


def test_one_chunk_has_nothing_to_exchange():
    who = side(300, 300)
    assert bank_size(2400, who) == 2400
    bank = np.random.default_rng(0).random((40, 300)) < 0.5
    assert sorted(map(bytes, recombined(bank, who, 40, np.random.default_rng(1)))) == sorted(map(bytes, bank))


def test_a_player_belongs_to_the_chunk_in_which_it_begins():
    model = coder(chunk=8)
    batch = model.encode([note(30)])
    who = players(model, batch, 0, "word")
    first = [int(np.flatnonzero(who.of_token == p)[0]) for p in range(len(who))]
    own = [int(batch.rows[0][t]) // 8 for t in first]
    assert np.array_equal(np.unique(own, return_inverse=True)[1], who.chunk)
    unknown = GameModel([teams(30, 0, 3)[0]])
    assert not players(unknown, unknown.encode([text(30)]), 0, "word").chunk.any()


def test_without_any_player_nothing_is_left_and_with_all_of_them_everything():
    model = coder()
    batch = model.encode([note(40)])
    for unit in ("token", "word", "sentence", "section"):
        who = players(model, batch, 0, unit)
        ends = who.keep(np.array([[False], [True]]).repeat(len(who), 1))
        assert not ends[0].any()
        assert ends[1].all()


def test_a_note_without_players_is_kept_as_it_is():
    nobody = Players(np.full(3, -1), np.zeros(0, dtype=int))
    assert nobody.keep(np.zeros((2, 0), dtype=bool)).all()


def test_a_long_note_takes_far_fewer_chunks_than_notes_times_chunks():
    """600 words in 8 chunks: each chunk is met in as many versions a word as the note, not in as many as there are notes."""
    for method in (KernelShap(), Lime()):
        model = GameModel([lambda present: present.sum(1)], chunk=75)
        method(model, model.encode([text(600)]), [Target.label("0")])
        different = [len(versions) for versions in parts(model.asked[0], side(600, 75))]
        assert len(model.asked[0]) == 8 * 600 + 2
        assert max(different) <= 8 * 75 + 2


def test_shared_chunks_explain_as_well_as_chunks_of_their_own():
    """Five seeds each; the mean absolute error grows by less than a quarter."""
    count, chunk = 240, 30
    game, values = teams(count, 0, 3)

    def error(model):
        batch, targets = model.encode([text(count)]), [Target.label("0")]
        maps = [KernelShap(samples=12 * count, seed=seed)(model, batch, targets)[0].scores[0] for seed in range(5)]
        return np.mean([np.abs(scores - values).mean() for scores in maps])

    assert bank_size(6 * count, side(count, chunk)) < 6 * count / 4
    shared, apart = error(GameModel([game], chunk)), error(GameModel([game]))
    assert 0 < shared < 1.25 * apart


def test_a_player_belongs_to_the_window_in_which_it_begins_whatever_text_stands_beside_it():
    """Windows are as wide as the widest of the batch, so that no fixed number of rows is a window."""
    short, long = [classified(9, id="a"), classified(60, 1, "b")]
    model = classifier("bert")
    alone, beside = players(model, model.encode([short]), 0, "word"), players(model, model.encode([short, long]), 0, "word")
    assert np.array_equal(alone.chunk, beside.chunk)
    batch = model.encode([short, long])
    who, text = players(model, batch, 1, "word"), batch.data.texts[1]
    first = [int(np.flatnonzero(who.of_token == p)[0]) for p in range(len(who))]
    assert who.chunk.max() > 3
    assert np.array_equal(who.chunk, text.content[first] // text.windows.ids.shape[1])


def test_windows_are_shared_so_that_a_long_text_takes_far_fewer_readings_than_samples_times_windows():
    """A classifier did not say where its windows end, and read half of the windows of every sample, or more, anew."""
    model, case, samples = classifier("roberta", window=96), classified(150), 1200
    windows = len(model.encode([case]).data.texts[0].windows)
    assert windows > 8
    for method in (KernelShap(samples=samples), Lime(samples=samples)):
        before = model.cost.chunks
        method(model, model.encode([case]), [Target.label(model.labels[0])])
        assert model.cost.chunks - before < samples * windows / 3
