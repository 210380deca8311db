"""Checks that name the defects known from released code, on your own data set, model, metric or rewording.

Each takes plain callables or rows and says one sentence. All by name in :data:`CHECKS`.
"""

from pellucid.alignment.checks.absence import absence_as_presence as absence_as_presence
from pellucid.alignment.checks.absence import opt_out_unrewarded as opt_out_unrewarded
from pellucid.alignment.checks.applying import checked_cases as checked_cases
from pellucid.alignment.checks.applying import checked_model as checked_model
from pellucid.alignment.checks.base import CHECKS as CHECKS
from pellucid.alignment.checks.base import Check as Check
from pellucid.alignment.checks.base import Inapplicable as Inapplicable
from pellucid.alignment.checks.base import Verdict as Verdict
from pellucid.alignment.checks.boxes import Placed as Placed
from pellucid.alignment.checks.boxes import copied_edges as copied_edges
from pellucid.alignment.checks.boxes import foreign_frame as foreign_frame
from pellucid.alignment.checks.boxes import overwritten_boxes as overwritten_boxes
from pellucid.alignment.checks.losses import ignored_weight as ignored_weight
from pellucid.alignment.checks.losses import unsound_divergence as unsound_divergence
from pellucid.alignment.checks.masking import mask_read_as_word as mask_read_as_word
from pellucid.alignment.checks.masking import mask_token_lost as mask_token_lost
from pellucid.alignment.checks.readers import unreliable_reading as unreliable_reading
from pellucid.alignment.checks.rewordings import idle_shuffle as idle_shuffle
from pellucid.alignment.checks.rewordings import related_random_sentence as related_random_sentence
from pellucid.alignment.checks.rewordings import substring_swap as substring_swap
from pellucid.alignment.checks.scores import Probe as Probe
from pellucid.alignment.checks.scores import probes as probes
from pellucid.alignment.checks.scores import unlike_scores as unlike_scores
from pellucid.alignment.checks.supervision import lost_instances as lost_instances
from pellucid.alignment.checks.supervision import unregistered_boxes as unregistered_boxes
from pellucid.alignment.checks.ties import inconsistent_ties as inconsistent_ties
