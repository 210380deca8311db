"""What the training of a mask network minimises; every term is a mean over images, none of which depends on its batch mates.

(Other images of the batch may lend the parts that take the place of removed ones.)
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity, softplus

from pellucid.training.masks.asking import questions, true_columns
from pellucid.training.masks.step import MaskStep, Outcome, mixed

Masks = Float[Tensor, "B 1 *S"]

_LOW = 0.1  # share of the weight on area with which a run begins: what matters is found before it is cut down


def signed(step: MaskStep) -> Outcome:
    """Our loss of NEMt: without the evidence the score falls to that of the filler, with it alone the score stands.

    Per image, with the evidence e, `keep = x e + b (1 - e)`, `drop = x (1 - e) + b e` and the signed score s of the target::

        softplus(s(drop) - s(b)) + keep * softplus(s(x) - s(keep))
        + area * (mean square of e beyond the area asked for) + price * mean(e) + tv * |grad e| + binary * mean(e (1 - e))

    Of an absent target the first two terms say nothing, and the area asked for is 0. Where most images show nothing, what it
    costs is weighted down (see :func:`~pellucid.training.masks.asking.weight_of_absent`).
    """
    recipe = step.recipe
    asked = questions(step.truth, step.predicted, recipe.absent, recipe.budgets, step.generator)
    evidence = step.masker.masks(step.seen[1], step.images, asked.labels, asked.areas[:, None].to(step.pixels)).float()
    gains = _changes(step, evidence, asked.labels, step.filling(asked.labels))
    present = ~asked.absent
    beyond = excess(evidence.flatten(1), torch.where(present, asked.areas, torch.zeros_like(asked.areas)))
    size = rise(step) * (recipe.area * beyond + recipe.cost * evidence.flatten(1).mean(1))
    each = torch.where(present, gains, torch.zeros_like(gains)) + size + shape(step, evidence)
    loss = torch.where(present, each, step.absent_weight * each).mean()
    return Outcome(loss, float(evidence[present].detach().mean()) if bool(present.any()) else None)


def published(step: MaskStep) -> Outcome:
    """The loss of Moeller et al. 2025, equation 2: `-((p(x) - p(x m))^2 + price * mean(m))`, of the image's own true label.

    p is its probability; m says what stays. The mask is averaged with random weights, drawn for each image.
    """
    labels = true_columns(step.truth, step.seen[0])
    keep = 1 - step.masker.masks(step.seen[1], step.images, labels, whole_area(step), _random_weights(step))
    before = probability(step.seen[0], labels, step.model.exclusive)
    after = probability(step.judge.logits(mixed(step.pixels, step.filling(labels), keep)), labels, step.model.exclusive)
    kept = keep.float().flatten(1).mean(1)
    loss = -((before - after) ** 2 + step.recipe.cost * kept).mean()
    return Outcome(loss, float(1 - kept.detach().mean()))


_NEAREST = 0.01
"""Least distance of an embedding from that of nothing: what is nearer cannot be told apart."""


def embedding(step: MaskStep) -> Outcome:
    """The loss of NEM-U (Moeller et al. 2025, eq. 1): `d(h, h_m) + price * mean(m) + contrast * (d(h, h_m) - d(h_m, h_n))`.

    h is the embedding of the image, h_m of what the mask keeps, h_n of what it removes. As published, d is the negative cosine.
    How far that can go differs from model to model, and with it the price at which a mask is neither full nor empty; ours
    divides the distance 1 - cosine by that between the image and what takes its place, so that keeping nothing costs 1.
    """
    keep = step.masker.masks(step.seen[1], step.images, torch.zeros_like(step.images), whole_area(step))
    fill = step.filling()
    both = torch.cat([mixed(step.pixels, fill, keep), mixed(step.pixels, fill, 1 - keep)])
    kept, removed = step.judge.embed(both).float().chunk(2)
    with torch.no_grad():
        whole = step.judge.embed(step.pixels).float()
        reach, zero = torch.ones_like(whole[:, 0]), 0.0
        if step.recipe.form == "signed":
            zero = 1.0
            nothing = step.judge.embed(fill).float()
            reach = (1 - cosine_similarity(whole, nothing)).clamp_min(_NEAREST)
    far, apart = ((zero - cosine_similarity(one, kept)) / reach for one in (whole, removed))
    size = keep.float().flatten(1).mean(1)
    loss = (far + step.recipe.cost * size + step.recipe.contrast * (far - apart) + shape(step, keep)).mean()
    return Outcome(loss, float(size.detach().mean()))


def score(logits: Float[Tensor, "B C"], labels: Int[Tensor, " B"], exclusive: bool) -> Float[Tensor, " B"]:
    """Each image's log-odds of its own label: its logit, less the log-sum of the others where labels exclude each other."""
    values = logits.float()
    own = values.gather(1, labels[:, None])[:, 0]
    if not exclusive:
        return own
    return own - torch.logsumexp(values.scatter(1, labels[:, None], -torch.inf), 1)


def probability(logits: Float[Tensor, "B C"], labels: Int[Tensor, " B"], exclusive: bool) -> Float[Tensor, " B"]:
    """Each image's probability of its own label."""
    values = logits.float()
    every = torch.softmax(values, 1) if exclusive else torch.sigmoid(values)
    return every.gather(1, labels[:, None])[:, 0]


def excess(evidence: Float[Tensor, "B U"], areas: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Mean square of a mask outside its `areas` largest values.

    Fong et al. 2019 hold the sorted mask against a step; here only what lies beyond it counts, as no image owes the area.
    """
    count = evidence.shape[1]
    free = torch.ceil(areas * count)
    ranks = torch.arange(count, 0, -1, device=evidence.device)
    outside = ranks[None] > free[:, None]
    return (evidence.sort(1).values ** 2 * outside).mean(1)


def variation(masks: Float[Tensor, "B 1 *S"]) -> Float[Tensor, " B"]:
    """Sum over axes of the mean absolute difference of neighbours."""
    steps = [masks.float().diff(dim=axis).abs().flatten(1) for axis in range(2, masks.dim()) if masks.shape[axis] > 1]
    return sum((s.mean(1) for s in steps), torch.zeros(len(masks), device=masks.device))


def rise(step: MaskStep) -> float:
    """How far the weight on size has come: from a tenth to all of it in the first third of a run."""
    return _LOW + (1 - _LOW) * min(1.0, 3 * step.ramp)


def shape(step: MaskStep, masks: Masks) -> Float[Tensor, " B"]:
    """What edges and values between 0 and 1 cost; the second, more and more."""
    between = (masks * (1 - masks)).flatten(1).mean(1)
    return step.recipe.tv * variation(masks) + step.recipe.binary * step.ramp * between


def changes(
    whole: Float[Tensor, " B"], empty: Float[Tensor, " B"], dropped: Float[Tensor, " B"], kept: Float[Tensor, " B"], keep: float
) -> Float[Tensor, " B"]:
    """What the scores without the evidence and with it alone cost, against those of the image and of what takes its place."""
    return softplus(dropped - empty) + keep * softplus(whole - kept)


def _changes(step: MaskStep, evidence: Masks, labels: Int[Tensor, " B"], fill: Tensor) -> Float[Tensor, " B"]:
    """What the scores without the evidence and with it alone cost."""
    exclusive = step.model.exclusive
    whole = score(step.judged, labels, exclusive)
    with torch.no_grad():
        empty = score(step.judge.logits(fill), labels, exclusive)
    both = torch.cat([mixed(step.pixels, fill, 1 - evidence), mixed(step.pixels, fill, evidence)])
    dropped, kept = score(step.judge.logits(both), labels.repeat(2), exclusive).chunk(2)
    return changes(whole, empty, dropped, kept, step.recipe.keep)


def whole_area(step: MaskStep) -> Float[Tensor, "B 1"]:
    """No limit to what may be marked."""
    return torch.ones(len(step.pixels), 1, device=step.pixels.device, dtype=step.pixels.dtype)


def _random_weights(step: MaskStep) -> Float[Tensor, "B *k"]:
    shape = (len(step.pixels), *([step.masker.settings.window] * len(step.masker.size)))
    drawn = torch.rand(shape, generator=step.generator).to(step.pixels)
    return drawn / drawn.flatten(1).sum(1).view(-1, *([1] * (drawn.dim() - 1)))
