"""Data sets: where cases come from. Adapters read a source; a prepared data set is a folder."""

from pellucid.datasets.base import SPLITS, Adapter, Dataset, Exclusion, Prepared, SplitName
from pellucid.datasets.breast_cancer import BreastCancer
from pellucid.datasets.chexlocalize import CheXlocalize
from pellucid.datasets.codiesp import CodiEsp
from pellucid.datasets.covid_cxr import CovidCxr
from pellucid.datasets.diabetes import Diabetes
from pellucid.datasets.egd_cxr import EgdCxr
from pellucid.datasets.evidence_inference import EvidenceInference
from pellucid.datasets.ham10000 import Ham10000
from pellucid.datasets.image_folder import ImageFolder
from pellucid.datasets.imagenome import ImaGenome
from pellucid.datasets.isic2017 import Isic2017
from pellucid.datasets.mdace import Mdace
from pellucid.datasets.ms_cxr import MsCxr
from pellucid.datasets.nih14 import Nih14
from pellucid.datasets.padchest_gr import PadChestGr
from pellucid.datasets.phantom.chest.images import PhantomChest
from pellucid.datasets.phantom.ecg.recordings import PhantomEcg
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.datasets.ptb_xl import PtbXl
from pellucid.datasets.reflacx import Reflacx
from pellucid.datasets.roco import Roco
from pellucid.datasets.rsna import Rsna
from pellucid.datasets.store import check_folder, write
from pellucid.datasets.stored import StoredDataset, open_dataset
from pellucid.datasets.vindr import Vindr

__all__ = [
    "SPLITS",
    "Adapter",
    "BreastCancer",
    "CheXlocalize",
    "CodiEsp",
    "CovidCxr",
    "Dataset",
    "Diabetes",
    "EgdCxr",
    "EvidenceInference",
    "Exclusion",
    "Ham10000",
    "ImaGenome",
    "ImageFolder",
    "Isic2017",
    "Mdace",
    "MsCxr",
    "Nih14",
    "PadChestGr",
    "PhantomChest",
    "PhantomEcg",
    "PhantomNotes",
    "Prepared",
    "PtbXl",
    "Reflacx",
    "Roco",
    "Rsna",
    "SplitName",
    "StoredDataset",
    "Vindr",
    "check_folder",
    "open_dataset",
    "write",
]
