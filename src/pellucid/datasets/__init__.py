"""Data sets: where cases come from. Adapters read a source; a prepared data set is a folder."""

from pellucid.datasets.base import SPLITS, Adapter, Dataset, Exclusion, Prepared, SplitName
from pellucid.datasets.codiesp import CodiEsp
from pellucid.datasets.evidence_inference import EvidenceInference
from pellucid.datasets.mdace import Mdace
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.datasets.store import check_folder, write
from pellucid.datasets.stored import StoredDataset, open_dataset

__all__ = [
    "SPLITS",
    "Adapter",
    "CodiEsp",
    "Dataset",
    "EvidenceInference",
    "Exclusion",
    "Mdace",
    "PhantomNotes",
    "Prepared",
    "SplitName",
    "StoredDataset",
    "check_folder",
    "open_dataset",
    "write",
]
