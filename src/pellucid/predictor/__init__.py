"""Predictors: a trained model opened at the place where explanations are taken.

The protocol is small. Two of its methods have plain defaults (:mod:`pellucid.predictors.plain`) and are the only places where
the structure of a model may be exploited:

* :meth:`Predictor.perturbed_scores`, through which every perturbation explainer and every faithfulness metric goes;
* :meth:`Predictor.feature_gradients`, through which every gradient explainer goes.

Whatever a predictor does there must equal the plain default; the tests hold every predictor to it.

:mod:`.contract` is what every predictor does; what only some can do is a capability (:mod:`.capabilities`).
"""

from pellucid.predictor.attention import AttentionBlock as AttentionBlock
from pellucid.predictor.attention import AttentionReading as AttentionReading
from pellucid.predictor.attention import GimGradients as GimGradients
from pellucid.predictor.attention import LabelAttention as LabelAttention
from pellucid.predictor.attention import LabelScores as LabelScores
from pellucid.predictor.attention import LayerAttention as LayerAttention
from pellucid.predictor.attention import PatchAttention as PatchAttention
from pellucid.predictor.attention import PatchReading as PatchReading
from pellucid.predictor.capabilities import CAPABILITIES as CAPABILITIES
from pellucid.predictor.capabilities import missing_capabilities as missing_capabilities
from pellucid.predictor.capabilities import require as require
from pellucid.predictor.contract import FILLERS as FILLERS
from pellucid.predictor.contract import Batch as Batch
from pellucid.predictor.contract import Filler as Filler
from pellucid.predictor.contract import GradientPiece as GradientPiece
from pellucid.predictor.contract import Modality as Modality
from pellucid.predictor.contract import Predictor as Predictor
from pellucid.predictor.contract import modality_of as modality_of
from pellucid.predictor.contract import predicted as predicted
from pellucid.predictor.networks import Embeddings as Embeddings
from pellucid.predictor.networks import FeatureMaps as FeatureMaps
from pellucid.predictor.networks import MapReading as MapReading
from pellucid.predictor.networks import MaskNetwork as MaskNetwork
from pellucid.predictor.networks import Measured as Measured
from pellucid.predictor.networks import MeasuredInputs as MeasuredInputs
from pellucid.predictor.networks import Network as Network
from pellucid.predictor.networks import ShapleyNetwork as ShapleyNetwork
from pellucid.predictor.networks import SoftMasks as SoftMasks
from pellucid.predictor.sentences import Alignment as Alignment
from pellucid.predictor.sentences import ImageSide as ImageSide
from pellucid.predictor.sentences import JointAttention as JointAttention
from pellucid.predictor.sentences import JointReading as JointReading
from pellucid.predictor.sentences import RegionPooling as RegionPooling
from pellucid.predictor.sentences import SentenceAlignment as SentenceAlignment
from pellucid.predictor.sentences import TextSide as TextSide
