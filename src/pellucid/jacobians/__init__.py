"""The Jacobian of a model at one case: exact, at full resolution, in units that a person knows."""

from pellucid.jacobians.function import Function as Function
from pellucid.jacobians.function import of_callable as of_callable
from pellucid.jacobians.function import of_model as of_model
from pellucid.jacobians.function import of_module as of_module
from pellucid.jacobians.jacobian import Jacobian as Jacobian
