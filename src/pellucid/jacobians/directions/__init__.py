"""Directions that a clinician can name: what one step of each does to every output.

`base` says what a direction is, and :data:`FAMILIES` holds all families by name: `shades`, `geometry`, `structures` and
`overlays` of images, `recordings` and `waves` of signals, `rows` of tables, `wordings` of texts. `tabulated` makes the table of
a Jacobian; `sharing` and `regions` say how much of a model's sensitivity lies in such directions, and where in the anatomy.
"""

from pellucid.jacobians.directions import geometry as geometry
from pellucid.jacobians.directions import overlays as overlays
from pellucid.jacobians.directions import recordings as recordings
from pellucid.jacobians.directions import rows as rows
from pellucid.jacobians.directions import shades as shades
from pellucid.jacobians.directions import structures as structures
from pellucid.jacobians.directions import waves as waves
from pellucid.jacobians.directions import wordings as wordings
from pellucid.jacobians.directions.base import FAMILIES as FAMILIES
from pellucid.jacobians.directions.base import Direction as Direction
from pellucid.jacobians.directions.base import Family as Family
from pellucid.jacobians.directions.base import Skipped as Skipped
from pellucid.jacobians.directions.base import family as family
from pellucid.jacobians.directions.base import straight as straight
from pellucid.jacobians.directions.collecting import Collected as Collected
from pellucid.jacobians.directions.collecting import collected as collected
from pellucid.jacobians.directions.regions import RegionShare as RegionShare
from pellucid.jacobians.directions.regions import RegionShares as RegionShares
from pellucid.jacobians.directions.regions import region_shares as region_shares
from pellucid.jacobians.directions.scene import Scene as Scene
from pellucid.jacobians.directions.sharing import ExplainedShare as ExplainedShare
from pellucid.jacobians.directions.sharing import Share as Share
from pellucid.jacobians.directions.sharing import explained_share as explained_share
from pellucid.jacobians.directions.table import DirectionTable as DirectionTable
from pellucid.jacobians.directions.table import Effect as Effect
from pellucid.jacobians.directions.tabulating import changes as changes
from pellucid.jacobians.directions.tabulating import tabulated as tabulated
from pellucid.jacobians.directions.tabulating import truths as truths
