"""Classifiers of rows of a table and of signals: any network of PyTorch that reads them, opened for explanation."""

from pellucid.predictors.numeric.recordings import SignalClassifier as SignalClassifier
from pellucid.predictors.numeric.tables import TableClassifier as TableClassifier
