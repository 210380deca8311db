"""An image explained for a sentence: where its words look, what the score of the pair rests on, and which words count.

Every method for images explains an asked model (`model.ask(sentences)`) as well; here is what needs words and regions.
"""

# ruff: noqa: I001
from pellucid.explainers.sentences import local_attention as local_attention
from pellucid.explainers.sentences import dense_cosine as dense_cosine
from pellucid.explainers.sentences import grad_eclip as grad_eclip
from pellucid.explainers.sentences import bimodal as bimodal
from pellucid.explainers.sentences import m2ib as m2ib
from pellucid.explainers.sentences import embedding_vjp as embedding_vjp
from pellucid.explainers.sentences.interaction import Interaction as Interaction
from pellucid.explainers.sentences.interaction import interaction as interaction
from pellucid.explainers.sentences.word_maps import WordMaps as WordMaps
from pellucid.explainers.sentences.word_maps import phrase_maps as phrase_maps
from pellucid.explainers.sentences.word_maps import word_maps as word_maps
from pellucid.explainers.sentences.words import word_scores as word_scores
