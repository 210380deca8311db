"""A network classifier on disk: weights and a manifest, from which the network is made anew."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from safetensors.torch import save_file
from torch import nn

from pellucid._version import __version__
from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import digest, digest_json, replacing_directory, write_json
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.network import NetworkClassifier
from pellucid.predictors.neural import weight_parts
from pellucid.predictors.running import drawing
from pellucid.predictors.weights import fill, precision, read_weights

WEIGHTS = "model.safetensors"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of functions that a part names; another one in each process
_ALWAYS: Fields = {"fingerprint": str, "labels": list, "about": dict}


class StoredNetwork(NetworkClassifier):
    """A network classifier that is saved as a folder which holds no code."""

    kind: ClassVar[str]
    """Its registered name."""

    stored: ClassVar[Fields]
    """What decides a prediction beside weights and labels, and of which type it is in the manifest; arguments of the class."""

    @classmethod
    @abstractmethod
    def _empty(cls, said: dict[str, Any]) -> nn.Module:
        """The network that a manifest names, with weights of no meaning."""

    def save(self, path: Path) -> None:
        """Write the model as a folder: weights (safetensors) and manifest.

        Raises:
            PellucidError: the network is your own, and a folder could not make it anew.
        """
        if self.architecture is None:
            raise PellucidError(
                "A network of your own cannot be saved with Pellucid, which stores no code; save its state_dict and wrap it "
                "again."
            )
        with replacing_directory(Path(path)) as folder:
            state = {name: value.detach().cpu().contiguous() for name, value in self.module.state_dict().items()}
            save_file(state, folder / WEIGHTS)
            write_json(folder / MANIFEST, {**self._manifest(), **self._write_more(folder)})

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged, or weights are not finite or do not fit.
        """
        path = Path(path)
        found = read_manifest(path, f"pellucid.{cls.kind}/1", {**_ALWAYS, **cls.stored})
        if not (path / WEIGHTS).is_file():
            raise CheckpointError(f"{path / WEIGHTS} is missing; copy the model again.")
        model = cls._made(path, {name: found[name] for name in ("labels", "about", *cls.stored)})
        if model.fingerprint != found["fingerprint"]:
            raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
        model._read_more(path, found)
        return model.to(device)

    @classmethod
    def _made(cls, path: Path, said: dict[str, Any]) -> Self:
        weights = read_weights(path / WEIGHTS)
        try:
            with drawing():  # the first weights mean nothing
                module = cls._empty(said).to(precision(weights.values()))
            fill(module, weights, path / WEIGHTS)
            return cls(module.eval(), **said)
        except CheckpointError:
            raise
        except PellucidError as error:
            raise CheckpointError(f"{path} does not fit its {MANIFEST}; copy or train the model again. {error}") from error

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": f"pellucid.{self.kind}/1",
            "predictor": self.kind,
            "version": __version__,
            "fingerprint": self.fingerprint,
            "labels": list(self.labels),
            "about": self.about,
            **dict(zip(self.stored, self._stored_values(), strict=True)),
        }

    def _write_more(self, folder: Path) -> dict[str, Any]:
        """Write what stands beside the weights; what the manifest says of it."""
        return {}

    def _read_more(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Read what :meth:`_write_more` wrote."""

    def _stored_values(self) -> list[Any]:
        """What decides a prediction beside weights and labels, as JSON values."""
        values = [getattr(self, name) for name in self.stored]
        return [list(v) if isinstance(v, tuple) else v for v in values]

    def _settings(self) -> tuple[Any, ...]:
        return self.labels, *(getattr(self, name) for name in self.stored)

    def _identity(self) -> str:
        settings = digest_json([list(self.labels), *self._stored_values()])
        return digest(self._structure(), *weight_parts(self.module), settings)

    def _structure(self) -> str:
        """How weights are used, which they do not say themselves: the network's kind; of one of your own its parts as well."""
        said = getattr(self.module, "identity", None)
        if said is None and self.architecture is None:
            return _ADDRESS.sub("", str(self.module))
        return str(said or type(self.module).__name__)
