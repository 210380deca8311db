"""How far the input may move before the decision changes: bounds, each with its status said.

"sound" bounds hold for every change within the radius; "sound with confidence" ones hold but for a stated chance of being
wrong; an "upper bound" is a change that was found to turn the decision; an "estimate" is neither.
"""

from pellucid.jacobians.certificates.base import Certificate as Certificate
from pellucid.jacobians.certificates.base import decisions as decisions
from pellucid.jacobians.certificates.gathering import certificates as certificates
from pellucid.jacobians.certificates.restricted import restricted as restricted
