"""Phantom electrocardiograms: a heart, its beats, what is wrong with them and what disturbs the recording, drawn by dice."""

from pellucid.datasets.phantom.ecg.recordings import PhantomEcg

__all__ = ["PhantomEcg"]
