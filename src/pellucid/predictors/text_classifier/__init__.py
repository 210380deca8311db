"""Any Hugging Face text classifier, read in windows."""

from pellucid.predictors.text_classifier.model import TextClassifier as TextClassifier
