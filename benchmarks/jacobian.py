"""What the Jacobian of a large network costs, in forward passes, and against what PyTorch offers, in the same run.

    OMP_NUM_THREADS=1 python benchmarks/jacobian.py            # DenseNet-121 of MONAI at 224 pixels; 14 findings
    OMP_NUM_THREADS=1 python benchmarks/jacobian.py --part spectrum   # an encoder as large as ViT-B, 768 outputs

A unit is one plain forward pass of one image without a graph (CPU seconds). Works take turns, round after round; printed are
medians over rounds, with the range of the ratio. Memory (`--part memory`) is the peak of the process above what it held with
the model after one pass, each part in a process of its own. `torch.func.jacfwd` is timed on some columns and scaled up.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import jacrev, jvp, vmap

from pellucid.jacobians import Jacobian, of_module
from pellucid.jacobians.products import Backward

FINDINGS, SIZE, COLUMNS = 14, 224, 8


def densenet() -> nn.Module:
    from monai.networks.nets import DenseNet121

    torch.manual_seed(0)
    return DenseNet121(spatial_dims=2, in_channels=3, out_channels=FINDINGS).eval()


class Encoder(nn.Module):
    """A vision transformer of the size of ViT-B/16, which gives the state of its class token."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import ViTConfig, ViTModel

        torch.manual_seed(0)
        self.encoder = ViTModel(ViTConfig(), add_pooling_layer=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.encoder(pixels).last_hidden_state[:, 0]


def image() -> Tensor:
    return torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def peak() -> float:
    """The most that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def taking_turns(works: Mapping[str, tuple[Callable[[], object], float]], repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each piece of work times its scale, after one run to warm up; every round runs all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(repeats + 1):
        for name, (work, scale) in works.items():
            start = time.process_time()
            work()
            if round_:
                found[name].append((time.process_time() - start) * scale)
    return found


def ratio(one: list[float], other: list[float]) -> str:
    """Median of one over the other, with its range over rounds."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return f"{statistics.median(ratios):.1f}x ({min(ratios):.1f} to {max(ratios):.1f})"


def row_by_row(network: nn.Module, at: Tensor) -> Tensor:
    """The obvious way: a pass and a way back for each output."""
    rows = []
    for place in range(FINDINGS):
        x = at.clone().requires_grad_()
        rows.append(torch.autograd.grad(network(x[None])[0, place], x)[0])
    return torch.stack(rows)


def ways_back(network: nn.Module, at: Tensor) -> Callable[[], Tensor]:
    """PyTorch's own ways back over one graph that is made now, one output at a time; for the input alone."""
    x = at.clone().requires_grad_()
    given = network.requires_grad_(False)(x[None])[0]
    network.requires_grad_(True)
    return lambda: torch.stack([torch.autograd.grad(one, x, retain_graph=True)[0] for one in given])


def some_columns(network: nn.Module, at: Tensor) -> Tensor:
    """What `jacfwd` does (a map of tangents through one pass), for a few columns."""
    units = torch.eye(COLUMNS, at.numel()).reshape(COLUMNS, *at.shape)
    return vmap(lambda v: jvp(lambda x: network(x[None])[0], (at,), (v,))[1])(units)


def dense(repeats: int) -> None:
    network, at = densenet(), image()
    function = of_module(network, at)
    directions = torch.randn(50, *at.shape, generator=torch.Generator().manual_seed(2))
    whole = Jacobian(function).dense()
    for name, other in {"jacrev": jacrev(lambda x: network(x[None])[0])(at), "row by row": row_by_row(network, at)}.items():
        other = other.detach()
        print(f"  {name} differs by {float((whole - other).norm() / other.norm()):.1e} of the norm")
    checked, plain = Jacobian(function), ways_back(network, at)
    works: dict[str, tuple[Callable[[], object], float]] = {
        "forward": (function.value, 1),
        "one way back": (lambda: checked.vjp(torch.eye(FINDINGS)[0]), 1),
        "dense: the ways back alone": (checked.dense, 1),
        "PyTorch's ways back over one graph": (plain, 1),
        "dense: a pass and the ways back": (lambda: Backward(function)(torch.eye(FINDINGS)), 1),
        "dense": (lambda: Jacobian(function).dense(), 1),
        "50 directions": (lambda: Jacobian(function).jvp(directions), 1),
        "row by row": (lambda: row_by_row(network, at), 1),
        "jacrev": (lambda: jacrev(lambda x: network(x[None])[0], chunk_size=4)(at), 1),
        "jacfwd (scaled up)": (lambda: some_columns(network, at), at.numel() / COLUMNS),
    }
    times = taking_turns(works, repeats)
    for name in works:
        print(f"  {name}: {statistics.median(times[name]):.2f} s, {ratio(times[name], times['forward'])} a forward pass")
    name = "PyTorch's ways back over one graph"
    print(f"  {name} cost {ratio(times[name], times['dense: the ways back alone'])} as much as ours")
    for name in ("row by row", "jacrev", "jacfwd (scaled up)"):
        print(f"  {name} costs {ratio(times[name], times['dense'])} as much as ours")


def memory(what: str) -> None:
    network, at = Encoder().eval() if what == "encoder" else densenet(), image()
    function = of_module(network, at)
    function.value()
    before = peak()
    work: Callable[[], object] = {
        "dense": lambda: Jacobian(function).dense(),
        "directions": lambda: Jacobian(function).jvp(torch.randn(50, *at.shape)),
        "jacrev": lambda: jacrev(lambda x: network(x[None])[0])(at),
        "encoder": lambda: Jacobian(function, mode="matrix-free").spectrum(8),
    }[what]
    work()
    print(f"  {what}: {peak() - before:.0f} MiB above the model and one pass")


def spectrum() -> None:
    network, at = Encoder().eval(), image()
    function = of_module(network, at)
    function.value()
    before, jacobian = peak(), Jacobian(function, mode="matrix-free")
    forward = [cpu(function.value) for _ in range(5)]
    start = time.process_time()
    found = jacobian.spectrum(8)
    spent = time.process_time() - start
    forward += [cpu(function.value) for _ in range(5)]
    unit = statistics.median(forward)
    print(f"  {jacobian.shape[0]} outputs, {jacobian.shape[1]:,} inputs; J would take {jacobian.bytes / 2**20:.0f} MiB")
    print(f"  values {[round(value, 4) for value in found.values.tolist()]}; residuals to {float(found.residuals.max()):.1e}")
    print(
        f"  groups {found.groups}; {found.products} products, {spent:.0f} s, {spent / unit:.0f} forward passes of {unit:.2f} s"
    )
    print(f"  {peak() - before:.0f} MiB above the model and one pass")


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("dense", "spectrum", "memory"), default="dense")
    parser.add_argument("--of", default="")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.of:
        memory(arguments.of)
        return
    print(f"{arguments.part}: torch {torch.__version__}, {torch.get_num_threads()} thread(s), {platform.machine()}", flush=True)
    if arguments.part == "dense":
        dense(arguments.repeats)
    elif arguments.part == "spectrum":
        spectrum()
    else:
        for what in ("dense", "directions", "jacrev"):
            subprocess.run([sys.executable, __file__, "--part", "memory", "--of", what], check=True)


if __name__ == "__main__":
    main()
