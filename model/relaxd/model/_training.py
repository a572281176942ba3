"""Training that can be stopped at any moment and goes on where it was."""

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ._denoiser import Denoiser, DenoiserConfig
from ._diffusion import Loss, NoiseConfig, guess_sigma, perturb, relative_error
from ._filters import with_filters
from ._weights import LoadedModel, save_model
from .data import Basin, PairBatch, PairDataset

ATOMS_FOR_FILTERS = 4096
"""By whose distances the best filters are found, where a run is to begin with a model of more."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Attributes:
        model: shape of the denoiser.
        noise: what it is trained on.
        hours: how long to train in all, over all resumptions.
        atoms_per_batch: about how many atoms a batch holds.
        learning_rate: at its highest; warmed up, then cosine decay to zero at `hours`.
        warmup_steps: steps of linear warm-up.
        weight_decay: of AdamW.
        ema_decay: of the running average of the weights, which is what is saved as the model.
        bond_dropout: share of batches that are shown without their bonds.
        stiff_weight: of the error in distances beside that of the positions.
        far_repeats: how often an epoch has a molecule whose start is known to be of the minimum's
            basin, though farther off than `noise.farthest_start`: two molecules in a hundred of
            QM9, but the worst that a model can do.
        rollout_ramp: part of the training over which rollouts grow to their full share.
        seed: of weights, order and noise.
        device: where to train.
        bf16: whether matrix products are in bf16; for GPUs.
        compile: whether to compile the network; worth it after some ten minutes.
        save_every: seconds between two saved states.
        checkpoints: whether to keep the model as it is after 1, 2, 4, 8, ... steps.
    """

    model: DenoiserConfig = field(default_factory=DenoiserConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    hours: float = 1.5
    atoms_per_batch: int = 256
    learning_rate: float = 1e-3
    warmup_steps: int = 500
    weight_decay: float = 1e-4
    ema_decay: float = 0.999
    bond_dropout: float = 0.5
    stiff_weight: float = 1.0
    far_repeats: int = 8
    rollout_ramp: float = 0.3
    seed: int = 0
    device: str = "cpu"
    bf16: bool = False
    compile: bool = True
    save_every: float = 120.0
    checkpoints: bool = False


class Trainer:
    """Trains a denoiser on a file of pairs, resuming from `run` if a state is there.

    Writes to `run`: `state.pt` (all that is needed to go on), `log.jsonl` (loss, learning rate,
    throughput), `model.safetensors` (averaged weights, and on their card what they come from), and
    `checkpoints/step-00000001.safetensors` and so on where they are asked for: the weights of that
    step, for their average lags behind, by a thousand steps with a decay of 0.999.

    Args:
        config: the run.
        dataset: training part of the data.
        run: folder of the run.
        initial: model whose weights a new run begins with; random if None. It has the shape of
            `config.model`, or the same but for more filters, which are then reduced.

    Raises:
        ValueError: `initial` has another shape than `config.model`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: PairDataset,
        run: Path,
        initial: LoadedModel | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.dataset, self.run = config, dataset, run
        self.denoiser = Denoiser(config.model).to(config.device)
        self.origin: dict[str, Any] | None = None
        if initial is not None:
            self._begin_with(initial)
        ema = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.denoiser, multi_avg_fn=ema)
        self.optimizer = torch.optim.AdamW(
            self.denoiser.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.step, self.samples, self.seconds, self.skipped = 0, 0, 0.0, 0
        run.mkdir(parents=True, exist_ok=True)
        if self._state_file.exists():
            self._restore()
        self._again = self._far_of_one_basin().repeat(config.far_repeats - 1)
        self._call = torch.compile(self.denoiser, dynamic=True) if config.compile else self.denoiser
        # Resumed runs see a new order and new noise, not the beginning of the old ones again.
        seed = config.seed + 1_000_003 * self.step
        self._generator = torch.Generator(config.device).manual_seed(seed)
        self._order = torch.Generator().manual_seed(seed)

    @property
    def progress(self) -> float:
        """Part of the training time that is used up, 0 to 1."""
        return min(1.0, self.seconds / (3600 * self.config.hours))

    def train(self) -> None:
        """Trains until the time is used up; an interruption loses at most `save_every` seconds."""
        saved = clock = time.monotonic()
        losses: list[Tensor] = []
        with tqdm(total=round(3600 * self.config.hours), unit="s", desc="training") as bar:
            bar.update(round(self.seconds))
            for batch in self._batches():
                loss = self.train_step(batch)
                losses.append(torch.stack([loss.cartesian.mean(), loss.stiff.mean()]))
                if self.config.checkpoints and is_power_of_two(self.step):
                    self._keep()
                now = time.monotonic()
                self.seconds += now - clock
                bar.update(round(self.seconds) - bar.n)
                clock = now
                if self.step % 100 == 0 or self.progress >= 1:
                    bar.set_postfix(self._log(losses))
                    losses.clear()
                if now - saved > self.config.save_every or self.progress >= 1:
                    self.save()
                    saved = now
                if self.progress >= 1:
                    return

    def train_step(self, data: PairBatch) -> Loss:
        """One step of the optimiser.

        Args:
            data: minima and their force-field geometries.
        """
        config = self.config
        batch, starts = data.minima.to(config.device), data.starts.to(config.device)
        minima, mask = batch.positions, batch.mask
        if self._uniform() < config.bond_dropout:
            # Not None: one more kind of input is one more minute of compilation.
            batch = replace(batch, bond_orders=minima.new_zeros(*mask.shape, mask.shape[1]))
        basin = data.basin.to(config.device)
        inputs, sigma = perturb(minima, starts, mask, config.noise, self._generator, basin)
        batch = batch.with_positions(inputs)
        for _ in range(self._rollout_depth()):
            with torch.no_grad(), self._autocast():
                inputs = self.denoiser(batch, sigma)
            batch = batch.with_positions(inputs)
            sigma = guess_sigma(inputs, minima, mask, config.noise, self._generator)
        # A batch of one would be compiled for itself.
        call = self._call if len(minima) > 1 else self.denoiser
        with self._autocast():
            denoised = call(batch, sigma)
        loss = relative_error(denoised, batch.positions, minima, mask)
        self._descend((loss.cartesian + config.stiff_weight * loss.stiff).mean())
        self.samples += len(minima)
        return Loss(loss.cartesian.detach(), loss.stiff.detach())

    def save(self) -> None:
        """Writes the state and the averaged weights, each whole or not at all."""
        state = {
            "model": self.denoiser.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "samples": self.samples,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "origin": self.origin,
        }
        partial = self._state_file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._state_file)
        averaged = cast(Denoiser, self.average.module)
        save_model(averaged, self.run / "model.safetensors", self._card())

    def _keep(self) -> None:
        folder = self.run / "checkpoints"
        folder.mkdir(exist_ok=True)
        save_model(self.denoiser, folder / f"step-{self.step:08d}.safetensors", self._card())

    @property
    def _state_file(self) -> Path:
        return self.run / "state.pt"

    def _restore(self) -> None:
        state = torch.load(self._state_file, map_location=self.config.device, weights_only=True)
        self.denoiser.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name in ("step", "samples", "seconds", "skipped", "origin"):
            setattr(self, name, state[name])

    def _begin_with(self, initial: LoadedModel) -> None:
        denoiser, shape = initial.denoiser, self.config.model
        n_filters = shape.n_filters
        if denoiser.config != shape and n_filters and n_filters <= denoiser.edges.n_filters:
            sample = next(self.dataset.epoch(ATOMS_FOR_FILTERS, torch.Generator().manual_seed(0)))
            denoiser = with_filters(denoiser, n_filters, sample.minima.to(self.config.device))
        if denoiser.config != shape:
            raise ValueError(f"{initial.name} is {denoiser.config}, not {shape}")
        self.denoiser.load_state_dict(denoiser.state_dict())
        # They judge the old weights.
        self.denoiser.error_head.calibrated.fill_(False)
        self.denoiser.novelty.usual.fill_(0)
        training = initial.card.get("training")
        self.origin = {"name": initial.name, "sha256": initial.sha256, "training": training}

    def _batches(self) -> Iterator[PairBatch]:
        while True:
            yield from self.dataset.epoch(self.config.atoms_per_batch, self._order, self._again)

    def _far_of_one_basin(self) -> Tensor:
        rows = self.dataset.molecules
        rows = rows[self.dataset.basins[rows] == Basin.SAME]
        far: Tensor = rows[self.dataset.start_deviations(rows) > self.config.noise.farthest_start]
        return far

    def _autocast(self) -> torch.autocast:
        device = torch.device(self.config.device).type
        return torch.autocast(device, torch.bfloat16, enabled=self.config.bf16)

    def _uniform(self) -> float:
        return float(torch.rand((), generator=self._order))

    def _rollout_depth(self) -> int:
        # A model that has learned little yet leaves its input as it was: not worth the time.
        ramp = min(1.0, self.progress / self.config.rollout_ramp)
        if self._uniform() > ramp:
            return 0
        draw = self._uniform()
        chances = torch.tensor(self.config.noise.rollout_probabilities).cumsum(0)
        return min(int((chances < draw).sum()), len(chances) - 1)

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        return self.config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.progress))

    def _descend(self, loss: Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        self.step += 1
        if not norm.isfinite():
            self.skipped += 1
            return
        self.optimizer.step()
        self.average.update_parameters(self.denoiser)

    def _log(self, losses: list[Tensor]) -> dict[str, Any]:
        cartesian, stiff = torch.stack(losses).mean(0).tolist()
        entry = {
            "step": self.step,
            "samples": self.samples,
            "seconds": round(self.seconds, 1),
            "cartesian": round(cartesian, 4),
            "stiff": round(stiff, 4),
            "learning_rate": self._learning_rate(),
            "skipped_steps": self.skipped,
        }
        with (self.run / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        return {"cartesian": entry["cartesian"], "stiff": entry["stiff"]}

    def _card(self) -> dict[str, Any]:
        return {
            "level_of_theory": "B3LYP/6-31G(2df,p)",
            "domain": {
                "elements": self.config.model.elements,
                "max_atoms": self.dataset.max_atoms,
            },
            "training": {
                **dataclasses.asdict(self.config),
                "steps": self.step,
                "samples": self.samples,
                "seconds": round(self.seconds),
                "origin": self.origin,
            },
        }


def is_power_of_two(n: int) -> bool:
    """Whether n, at least 1, is 1, 2, 4, 8, ..."""
    return n & (n - 1) == 0
