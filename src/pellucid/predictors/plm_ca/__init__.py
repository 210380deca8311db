"""PLM-CA and PLM-ICD: medical coding with label-wise attention over chunks of a note."""

from pellucid.predictors.plm_ca.model import PlmCa as PlmCa
