"""What parts of an input do together."""

from __future__ import annotations

import images
import numpy as np
import pytest
import torch
from networks import drawn, quadratic

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import of_callable, of_model
from pellucid.units import PixelUnits, patches


def test_measurements_of_a_quadratic_form_interact_by_its_matrix() -> None:
    function, a, _ = quadratic()
    found = Jacobian(function).interactions(output="second")
    np.testing.assert_allclose(found.values, a[1].numpy())
    assert found.names == tuple("012345")


def test_a_scale_says_what_raising_by_one_means() -> None:
    function, a, _ = quadratic()
    scale = torch.arange(1, 7, dtype=torch.float64)
    found = Jacobian(function).interactions(output="first", scale=scale)
    np.testing.assert_allclose(found.values, (a[0] * scale * scale[:, None]).numpy())


def test_parts_that_only_add_up_do_not_interact() -> None:
    operator = Jacobian(of_callable(lambda x: (x**3).sum(1, keepdim=True), drawn(0, 4)))
    values = operator.interactions().values
    np.testing.assert_allclose(values, np.diag(6 * drawn(0, 4).numpy()), atol=1e-12)


def test_regions_of_an_image_interact_as_second_differences_say() -> None:
    model = images.classifier((8, 8), channels=3)
    operator = Jacobian(of_model(model, images.case("a", (8, 8), channels=3)))
    regions = patches(PixelUnits(8, 8), across=2)
    found = operator.interactions(regions, "nodule", smoothed=3.0)
    assert found.names == tuple(f"patch {i}" for i in range(4))
    assert found.unit == "shade"
    np.testing.assert_allclose(found.values, found.values.T, rtol=1e-9)
    from pellucid.jacobians.curvature_smoothing import smoothed

    function, step = smoothed(operator.function, 3.0), 1e-4
    i, j = (torch.from_numpy(regions.index == part).double().expand(3, 8, 8) for part in (0, 3))
    f = lambda a, b: float(function.value((function.at + step * (a * i + b * j))[None])[0, 1])  # noqa: E731
    difference = (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * step**2)
    assert found.values[0, 3] == pytest.approx(difference, rel=1e-3, abs=1e-6)


def test_named_masks_are_raised_in_all_channels() -> None:
    at = drawn(0, 2, 3, 3)
    operator = Jacobian(of_callable(lambda x: x.flatten(1).sum(1, keepdim=True) ** 2, at))
    left, right = np.zeros((3, 3), dtype=bool), np.zeros((3, 3), dtype=bool)
    left[:, 0] = right[:2, 2] = True
    values = operator.interactions({"left": left, "right": right}).values
    np.testing.assert_allclose(values, 2 * np.outer([6, 4], [6, 4]))


def test_a_network_of_relus_says_why_nothing_interacts() -> None:
    operator = Jacobian(of_model(images.classifier(), images.case("a")))
    found = operator.interactions(patches(PixelUnits(16, 20), across=2))
    assert not found.values.any()
    assert any("exactly zero" in note for note in found.notes)


def test_parts_that_do_not_fit_are_refused() -> None:
    operator = Jacobian(of_callable(lambda x: x.flatten(1) ** 2, drawn(0, 1, 3, 3)))
    with pytest.raises(PellucidError, match="too many numbers to pair"):
        operator.interactions()
    with pytest.raises(PellucidError, match="'heart', of shape"):
        operator.interactions({"heart": np.ones((4, 4), dtype=bool)})
    with pytest.raises(PellucidError, match="'heart' is empty"):
        operator.interactions({"heart": np.zeros((3, 3), dtype=bool)})
