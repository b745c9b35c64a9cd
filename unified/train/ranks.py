"""The processes of one training: what they have to agree on.

Gradients are DistributedDataParallel's business; here is the rest. One process is a group of one, and costs nothing.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from unified.errors import ConfigError, UnifiedError
from unified.model.multitask import MultiTaskModel

ANCHOR = "no labels here"  # the name of a loss
T = TypeVar("T")
PATIENCE = timedelta(hours=2)  # for the first process: it evaluates while the others wait


@dataclass(frozen=True, slots=True)
class Share:
    """A task's loss over the pictures of all processes, and this process's part in it."""

    loss: Tensor  # mean over all labelled pictures, without graph
    part: Tensor | float  # this process's share of the labelled pictures, 0..1


@dataclass(frozen=True, slots=True)
class Ranks:
    """Process `rank` of `world`."""

    rank: int = 0
    world: int = 1
    local: int = 0  # rank on this machine: which GPU

    @classmethod
    def of_environment(cls) -> Ranks:
        """As torchrun says; alone where it did not start this process."""
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return cls()
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        return self.rank == 0

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """The group for the time of the block."""
        if self.world == 1:
            yield
            return
        # DistributedDataParallel imports it, and its functions take the group of that moment as their default. Imported
        # first within a group, it would keep that one's threads alive to the end of Python, where they may abort it.
        import_module("torch.distributed.nn.functional")
        if device.type == "cuda":
            torch.cuda.set_device(device)  # objects are exchanged on the current one
        store, rank, world = next(rendezvous("env://", timeout=PATIENCE))
        store.set_timeout(PATIENCE)
        # A group of its own name each time: in one of the last one's it would read where that one's processes were.
        name = f"group {store.add(f'groups of {rank}', 1)}"
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(
            backend, store=PrefixStore(name, store), rank=rank, world_size=world, timeout=PATIENCE
        )
        try:
            yield
        finally:
            distributed.destroy_process_group()

    def device(self, option: str) -> str:
        """The device of this process where `option` says only which kind."""
        if self.world > 1 and option.startswith("cuda:"):
            raise ConfigError(f"device={option}: several processes cannot share one GPU; give cuda, or auto")
        cuda = option == "cuda" or (option == "auto" and torch.cuda.is_available())
        return f"cuda:{self.local}" if self.world > 1 and cuda else option

    def wrapped(self, model: nn.Module, layout: torch.memory_format) -> nn.Module:
        """`model`, which is on its device, as every process trains it: with gradients averaged over them.

        Laid out first: gradients are exchanged in the layout that is found, and come back disordered if it changes.
        """
        model = model.to(memory_format=layout)
        if self.world == 1:
            return model
        if next(model.parameters()).is_cuda:  # torch has no such thing for CPUs
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        # Tasks without labels, and what is frozen, take no part in a step. Every batch is reduced, also those before
        # the last of an update: that one may be without a label anywhere, and would then reduce nothing.
        return DistributedDataParallel(Anchored(unwrapped(model)), find_unused_parameters=True)

    def shares(
        self, losses: Mapping[str, Tensor], labelled: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, Share]:
        """The tasks of `tasks` that any process has labels for. `losses` are means over `labelled` pictures."""
        if self.world == 1:
            return {task: Share(losses[task].detach(), 1.0) for task in tasks if task in losses}
        zero = torch.zeros((), device=next(iter(labelled.values())).device)
        counts = torch.stack([labelled[task].sum().float() if task in losses else zero for task in tasks])
        sums = torch.stack([losses[task].detach().float() if task in losses else zero for task in tasks]) * counts
        table = self.total(torch.stack([counts, sums]))
        found = (table[0] > 0).tolist()
        return {
            task: Share(table[1, i] / table[0, i], counts[i] / table[0, i]) for i, task in enumerate(tasks) if found[i]
        }

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def any(self, flag: bool) -> bool:
        """Whether it holds on any process. All of them must ask."""
        return any(self.gathered(flag)) if self.world > 1 else flag

    def of_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, on all of them; it has to survive pickling. What it raises, all raise."""
        if self.world == 1:
            return make()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = make()
            except BaseException as error:
                distributed.broadcast_object_list([None, _sendable(error)])
                raise
        distributed.broadcast_object_list(box)
        if box[1] is not None:
            raise box[1]
        value: T = box[0]
        return value

    def gathered(self, value: T) -> list[T]:
        found: list[Any] = [None] * self.world
        distributed.all_gather_object(found, value)
        return found


class Anchored(nn.Module):
    """Adds 0 · parameter where a rank has no loss (its pictures have no labels, or for frozen parts only), so that the
    all-reduce of DistributedDataParallel finds every rank."""

    def __init__(self, model: MultiTaskModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Any) -> dict[str, Any]:
        losses: dict[str, Any] = self.model(*inputs)
        if any(parts and self.model.learns(task) for task, parts in losses.items()):
            return losses
        parameter = next((p for p in self.model.parameters() if p.requires_grad), None)
        return losses | ({} if parameter is None else {ANCHOR: {ANCHOR: 0.0 * parameter.sum()}})


def _sendable(error: BaseException) -> BaseException:
    """`error`, or where it does not survive pickling, one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except (pickle.PickleError, TypeError, AttributeError):
        return UnifiedError(f"the first process: {type(error).__name__}: {error}")
    return error


def unwrapped(model: nn.Module) -> MultiTaskModel:
    """The multi-task model itself, also from within DistributedDataParallel."""
    if isinstance(model, DistributedDataParallel):
        model = model.module
    bare = model.model if isinstance(model, Anchored) else model
    assert isinstance(bare, MultiTaskModel)
    return bare
