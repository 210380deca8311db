import hashlib
import threading
from dataclasses import astuple, dataclass, field
from itertools import chain

import numpy as np
import pytest
import torch
from images import boxed, case, classifier
from test_robustness import Given, Gradient
from torch import nn

from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.smoothgrad import SmoothGrad
from pellucid.metrics.layers import copied, coverage, layers_of
from pellucid.metrics.randomisation import histogram_entropy, model_randomisation, other_label
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.target import Target

MODEL = classifier()
TARGETS = [Target.label("nodule"), Target.contrast("opacity", "effusion")]


def state(model) -> str:
    """The model's weights and buffers, byte by byte."""
    parts = (name.encode() + value.numpy().tobytes() for name, value in model.module.state_dict().items())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def batch(model=MODEL, *cases):
    return model.encode(cases or (case("a"),))


@dataclass(frozen=True)
class Watch(Gradient):
    """Remembers the weights of the models that it is asked to explain; may fail at one of them."""

    models: list[dict[str, torch.Tensor]] = field(default_factory=list)
    fail_at: int = -1

    def __call__(self, predictor, batch, targets):
        self.models.append({name: value.clone() for name, value in predictor.module.state_dict().items()})
        if len(self.models) - 1 == self.fail_at:
            raise RuntimeError("out of memory")
        return Gradient()(predictor, batch, targets)


def changed(before: dict, after: dict) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def of_layer(name: str, weights: dict) -> set[str]:
    return {weight for weight in weights if weight.rpartition(".")[0] == name}


def test_layers_are_shuffled_from_the_output_down_each_on_top_of_those_before():
    watch = Watch()
    found = model_randomisation(MODEL, {"g": watch}, batch(), TARGETS)
    assert found.layers[0] == "head"
    assert found.layers[-1] == "stem.0"
    expected: set[str] = set()
    for layer, weights in zip(found.layers, watch.models[1:], strict=True):
        expected |= of_layer(layer, weights)
        assert changed(watch.models[0], weights) <= expected
        assert changed(watch.models[0], weights) & of_layer(layer, weights)
    moved = changed(watch.models[0], watch.models[-1])
    assert moved == {n for n, v in watch.models[0].items() if v.numel() > 1 and v.std() > 0}


def test_independently_each_layer_is_shuffled_alone():
    watch = Watch()
    found = model_randomisation(MODEL, {"g": watch}, batch(), TARGETS, how="independent")
    for layer, weights in zip(found.layers, watch.models[1:], strict=True):
        assert changed(watch.models[0], weights)
        assert changed(watch.models[0], weights) <= of_layer(layer, weights)
    assert all(np.isnan(r.complexity_rise) for r in found.explanations["g"][0])


def test_all_at_once_is_where_the_cascade_ends():
    cascade, whole = (
        model_randomisation(MODEL, {"g": Gradient()}, batch(), TARGETS, how=how) for how in ("cascading", "whole")
    )
    for one, other in zip(cascade.explanations["g"][0], whole.explanations["g"][0], strict=True):
        assert one.stages[-1] == other.stages[0]
        assert one.complexity_rise == other.complexity_rise
    assert whole.layers == ("all layers",)


def test_layers_of_equal_shape_are_shuffled_differently_and_keep_their_numbers():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 2)).double()
    with torch.no_grad():
        net[2].weight.copy_(net[1].weight)
    model = ImageClassifier(net, ("x", "y"), exclusive=False, size=(3, 4))
    watch = Watch()
    model_randomisation(model, {"g": watch}, batch(model), [Target.label("x")], how="whole")
    before, after = watch.models
    assert torch.equal(before["1.weight"], before["2.weight"])
    assert not torch.equal(after["1.weight"], after["2.weight"])
    assert torch.equal(after["1.weight"].flatten().sort().values, before["1.weight"].flatten().sort().values)


@pytest.mark.parametrize("how", ["cascading", "independent", "whole"])
def test_the_given_model_is_never_touched_not_even_by_a_method_that_fails(how):
    before, seeds = state(MODEL), torch.random.get_rng_state()
    fingerprint, training = MODEL.fingerprint, MODEL.module.training
    tensors = [t.data_ptr() for t in MODEL.module.parameters()]
    seen = []

    class Spy(Gradient):
        def __call__(self, predictor, batch, targets):
            seen.append(state(MODEL))
            return super().__call__(predictor, batch, targets)

    model_randomisation(MODEL, {"g": Spy()}, batch(), TARGETS, how=how)
    with pytest.raises(RuntimeError, match="out of memory"):
        model_randomisation(MODEL, {"g": Watch(fail_at=1)}, batch(), TARGETS, how=how)
    assert {*seen, state(MODEL)} == {before}
    assert MODEL.fingerprint == fingerprint
    assert MODEL.module.training == training
    assert [t.data_ptr() for t in MODEL.module.parameters()] == tensors
    assert torch.equal(torch.random.get_rng_state(), seeds)
    assert not any(part._forward_pre_hooks for part in MODEL.module.modules())


def test_a_map_that_ignores_the_model_is_like_itself_throughout_and_noise_is_at_the_floor():
    edges = Given(lambda row: np.abs(row - row.mean()))
    found = model_randomisation(MODEL, {"edges": edges, "g": Gradient()}, batch(), TARGETS[:1])
    blind = found.explanations["edges"][0][0]
    assert all((s.spearman, s.spearman_of_sizes, s.ssim) == (pytest.approx(1),) * 3 for s in blind.stages)
    assert blind.complexity_rise == 0
    assert abs(blind.floor.spearman) < 0.15
    assert np.mean([s.spearman for s in found.explanations["g"][0][0].stages]) < 0.3


def test_smooth_maps_are_means_over_noisy_versions():
    maps = []

    class Keep(Gradient):
        def __call__(self, predictor, batch, targets):
            maps.append((predictor.fingerprint, len(batch)))
            return super().__call__(predictor, batch, targets)

    found = model_randomisation(MODEL, {"g": Keep()}, batch(), TARGETS, how="whole", draws=6)
    assert [n for _, n in maps] == [6, 6]
    assert maps[0][0] == MODEL.fingerprint != maps[1][0]
    plain = model_randomisation(MODEL, {"g": Gradient()}, batch(), TARGETS, how="whole")
    assert found.explanations["g"][0][0].stages != plain.explanations["g"][0][0].stages


class Transformer(nn.Module):
    """Weights outside of layers: a class token, positions, and an attention whose inner projection is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 4, generator=torch.Generator().manual_seed(0)))
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.embed = nn.Linear(1, 4)
        self.register_buffer("positions", torch.arange(12.0)[None, :, None] / 12)

    def forward(self, pixels):
        rows = self.embed(pixels.flatten(2).transpose(1, 2)) + self.positions
        rows = torch.cat([self.token.expand(len(rows), -1, -1), rows], 1)
        return self.head(self.norm(self.attention(rows, rows, rows)[0])[:, 0])


def test_coverage_names_what_is_reached_and_what_is_not():
    torch.manual_seed(0)
    model = ImageClassifier(Transformer().double(), ("x", "y"), exclusive=False, size=(3, 4))
    here = batch(model)
    layers = layers_of(model, here)
    assert [layer.name for layer in layers] == ["", "embed", "attention", "head"]
    assert set(layers[2].tensors) == {"attention.in_proj_weight", "attention.out_proj.weight"}
    assert set(layers[0].tensors) == {"token"}
    reached = coverage(model.module)
    assert set(reached.unchanged) == {"norm.weight", "norm.bias", "attention.in_proj_bias", "attention.out_proj.bias"}
    assert reached.kept == ("positions",)
    total = sum(p.numel() for p in model.module.parameters())
    assert reached.share == pytest.approx((total - 4 - 4 - 12 - 4) / total)


def test_running_statistics_of_norms_are_shuffled_and_counted():
    reached = coverage(MODEL.module)
    assert "stem.1.running_var" in reached.buffers
    assert "stem.1.num_batches_tracked" in reached.kept
    assert set(reached.buffers).isdisjoint(reached.kept)


def test_other_labels_are_drawn_by_case_and_target_and_explained_together():
    method, here = Gradient(), batch(MODEL, case("a"), boxed("b"))
    found = other_label(MODEL, {"g": method}, here, TARGETS)["g"]
    assert method.seen == [2]
    for row in found:
        assert row[0].other in {"effusion", "opacity"}
        assert row[1].other == "nodule"
    alone = other_label(MODEL, {"g": Gradient()}, batch(MODEL, boxed("b")), TARGETS)["g"][0]
    assert [r.other for r in alone] == [r.other for r in found[1]]
    assert alone[0].similarity.spearman == pytest.approx(found[1][0].similarity.spearman)


def test_maps_that_are_known_are_not_made_again_and_nothing_else_changes():
    here = batch(MODEL, case("a"), boxed("b"))
    methods = {"g": Gradient(), "s": SmoothGrad(samples=4)}
    said = {name: method(MODEL, here, TARGETS) for name, method in methods.items()}
    whole = other_label(MODEL, methods, here, TARGETS)
    watched = Gradient()
    known = other_label(MODEL, {**methods, "g": watched}, here, TARGETS, said=said)
    assert {row.other for rows in whole["g"] for row in rows} == {"nodule", "effusion", "opacity"}
    for name in methods:
        for one, other in zip(chain(*whole[name]), chain(*known[name]), strict=True):
            assert other.other == one.other
            np.testing.assert_allclose(astuple(other.similarity), astuple(one.similarity), rtol=1e-9)
            np.testing.assert_allclose(astuple(other.floor), astuple(one.floor), rtol=1e-9)
    watched_models = Watch()
    plain = model_randomisation(MODEL, {"g": Gradient()}, here, TARGETS, how="whole")
    found = model_randomisation(MODEL, {"g": watched_models}, here, TARGETS, how="whole", said={"g": said["g"]})
    assert len(watched_models.models) == 1  # the shuffled one alone
    assert found.explanations == plain.explanations


def test_a_label_that_is_drawn_and_known_is_asked_of_nobody():
    every = [Target.label(label) for label in MODEL.labels]
    said = {"g": Gradient()(MODEL, batch(), every)}

    def unasked(*_):
        raise AssertionError("explained again")

    found = other_label(MODEL, {"g": unasked}, batch(), every, said=said)
    assert found == other_label(MODEL, {"g": Gradient()}, batch(), every)


def test_a_method_that_ignores_what_is_asked_gives_the_same_map_for_every_label():
    (row,) = other_label(MODEL, {"edges": Given(lambda r: r)}, batch(), TARGETS)["edges"]
    assert [r.similarity.spearman for r in row] == [pytest.approx(1)] * 2
    assert all(abs(r.floor.spearman) < 0.15 for r in row)


def test_a_model_of_one_label_has_no_other():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 1)).double()
    model = ImageClassifier(net, ("x",), exclusive=False, size=(3, 4))
    with pytest.raises(PellucidError, match="no label besides those of x"):
        other_label(model, {"g": Gradient()}, batch(model), [Target.label("x")])


def test_entropy_of_the_histogram():
    assert histogram_entropy(np.zeros(9)) == 0
    assert np.isnan(histogram_entropy(np.array([0.0, np.inf, 1.0])))
    assert histogram_entropy(np.arange(200.0)) == pytest.approx(np.log(100))
    assert histogram_entropy(np.r_[np.zeros(50), np.ones(50)]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("pair", [(1.0, 1.0 + 2e-16), (1 / 3, 1 / 3 - 1e-14), (-7.0, -7.0)])
def test_what_rounding_leaves_of_an_even_map_has_no_entropy(pair):
    assert histogram_entropy(np.array([*pair] * 8)) == 0


@pytest.mark.parametrize("factor", [1e-320, 1e-30, 1.0, 1e300, -8e307])
def test_the_entropy_of_the_histogram_is_the_same_at_every_scale(factor):
    assert histogram_entropy(np.array([-2.0, -2.0, 2.0, 2.0]) * factor) == pytest.approx(np.log(2))


def test_what_cannot_be_shuffled_or_copied_is_refused():
    with pytest.raises(PellucidError, match="Weights cannot be shuffled 'upwards'"):
        model_randomisation(MODEL, {}, batch(), TARGETS, how="upwards")
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).double()
    net.extra = net[1].weight * 2  # a tensor inside a graph, as old weight norms leave behind
    model = ImageClassifier(net, ("x", "y"), exclusive=False, size=(3, 4))
    with pytest.raises(CapabilityError, match="cannot be copied"):
        copied(model)
    held = classifier()
    held.module.lock = threading.Lock()
    with pytest.raises(CapabilityError, match=r"cannot be copied .*leave out the test that shuffles weights"):
        copied(held)


def test_a_network_whose_weights_are_all_the_same_is_not_said_to_be_shuffled():
    net = nn.Sequential(nn.Flatten(), nn.Linear(24, 2)).double()
    for weights in net.parameters():
        nn.init.constant_(weights, 0.5)
    model = ImageClassifier(net, ("x", "y"), exclusive=False, size=(4, 6))
    with pytest.raises(CapabilityError, match="no weights that could be put in another order"):
        model_randomisation(model, {"g": Gradient()}, model.encode([case("a", (4, 6))]), [Target.label("x")], how="whole")
    assert coverage(model.module).share == 0
