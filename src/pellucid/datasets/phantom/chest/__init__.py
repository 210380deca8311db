"""Phantom radiographs: anatomy, findings, objects and exposure, drawn by dice."""

from pellucid.datasets.phantom.chest.images import PhantomChest

__all__ = ["PhantomChest"]
