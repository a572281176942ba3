"""Training learns, resumes where it was, and saves what it learned."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from relaxd.model import (
    Denoiser,
    DenoiserConfig,
    NoiseConfig,
    Trainer,
    TrainingConfig,
    UnknownModelError,
    load_model,
    save_model,
)
from relaxd.model.data import Basin, Geometries, PairDataset, write_pairs

SMALL = DenoiserConfig(channels=16, n_layers=2, n_radial=6)
WATER = np.array([[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]], np.float32)


@pytest.fixture
def dataset(tmp_path):
    """Water, many times over."""
    copies = 20
    geometries = Geometries(
        index=np.full(copies, 1, np.int32),
        n_atoms=np.full(copies, 3, np.uint8),
        atomic_numbers=np.tile(np.array([8, 1, 1], np.uint8), copies),
        positions=np.tile(WATER, (copies, 1)),
    )
    write_pairs(geometries, tmp_path / "pairs.safetensors", workers=1)
    return PairDataset(tmp_path / "pairs.safetensors")


def make_trainer(dataset, run, initial=None, **config):
    defaults = {"model": SMALL, "compile": False, "atoms_per_batch": 60, "warmup_steps": 10}
    return Trainer(TrainingConfig(**{**defaults, **config}), dataset, run, initial)


def steps(trainer, n_steps):
    batches = trainer._batches()
    return [float(trainer.train_step(next(batches)).total) for _ in range(n_steps)]


def test_the_error_of_water_falls(dataset, tmp_path):
    # Of MMFF94's water too little is wrong to fall fast.
    noise = NoiseConfig(gaussian_share=1.0, unknown_share=0.0)
    losses = steps(make_trainer(dataset, tmp_path / "run", learning_rate=1e-2, noise=noise), 150)
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])


def test_bf16_learns_what_single_precision_does(dataset, tmp_path):
    single, half = (
        steps(make_trainer(dataset, tmp_path / str(bf16), bf16=bf16), 5) for bf16 in (False, True)
    )
    assert half != single
    assert half == pytest.approx(single, rel=0.05)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("bf16", [False, True])
def test_a_gpu_trains(dataset, tmp_path, bf16):
    on_gpu = PairDataset(tmp_path / "pairs.safetensors", device="cuda")
    trainer = make_trainer(on_gpu, tmp_path / "run", device="cuda", bf16=bf16, learning_rate=1e-2)
    losses = steps(trainer, 100)
    assert np.mean(losses[-20:]) < np.mean(losses[:5])


def test_far_starts_of_the_minimums_basin_come_more_often(tmp_path):
    stretched = 2 * WATER  # by 0.5 A
    n = 6
    arrays = {
        "index": np.array([1, 2, 3, 4, 5, 6], np.int32),  # the third is for validation
        "n_atoms": np.full(n, 3, np.uint8),
        "atomic_numbers": np.tile(np.array([8, 1, 1], np.uint8), n),
        "positions": np.tile(WATER, (n, 1)),
        "start_positions": np.concatenate([1.1 * WATER] + [stretched] * 5),
        "has_start": np.array([True] * 5 + [False]),
        "n_bonds": np.zeros(n, np.uint8),
        "bonds": np.zeros((0, 2), np.uint8),
        "bond_orders": np.zeros(0, np.float32),
    }
    save_file(arrays, tmp_path / "pairs.safetensors")
    same, other, unknown = Basin.SAME, Basin.OTHER, Basin.UNKNOWN
    np.save(tmp_path / "basins.npy", np.array([same, same, same, other, unknown, same], np.int8))
    dataset = PairDataset(tmp_path / "pairs.safetensors", basins=tmp_path / "basins.npy")
    noise = NoiseConfig(farthest_start=0.3)
    trainer = make_trainer(dataset, tmp_path / "run", far_repeats=3, noise=noise)
    batches, epoch = trainer._batches(), []
    while len(epoch) < 7:
        epoch += next(batches).index.tolist()
    assert sorted(epoch) == [1, 2, 2, 2, 4, 5, 6]


def test_a_run_is_reproducible(dataset, tmp_path):
    first, second = (steps(make_trainer(dataset, tmp_path / name), 5) for name in "ab")
    assert first == second


def test_a_resumed_run_has_all_that_the_first_had(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run")
    steps(trainer, 5)
    trainer.save()
    resumed = make_trainer(dataset, tmp_path / "run")
    assert (resumed.step, resumed.samples) == (5, 100)
    for name, tensor in trainer.denoiser.state_dict().items():
        assert torch.equal(resumed.denoiser.state_dict()[name], tensor)
    exp_avg = [state["exp_avg"] for state in trainer.optimizer.state.values()]
    again = [state["exp_avg"] for state in resumed.optimizer.state.values()]
    assert all(map(torch.equal, exp_avg, again))


@pytest.mark.parametrize("shape", [SMALL, replace(SMALL, n_filters=4)], ids=["basis", "filters"])
def test_a_run_begins_with_given_weights_once(dataset, tmp_path, shape):
    origin = make_trainer(dataset, tmp_path / "origin", seed=7, model=shape)
    steps(origin, 3)
    origin.save()
    initial = load_model(tmp_path / "origin/model.safetensors")
    trainer = make_trainer(dataset, tmp_path / "run", initial=initial, model=shape)
    for name, tensor in initial.denoiser.state_dict().items():
        assert torch.equal(trainer.denoiser.state_dict()[name], tensor)
        assert torch.equal(trainer.average.module.state_dict()[name], tensor)
    steps(trainer, 3)
    trainer.save()
    resumed = make_trainer(dataset, tmp_path / "run", model=shape)
    assert resumed.step == 3
    assert resumed.origin["sha256"] == initial.sha256
    with pytest.raises(ValueError, match="not DenoiserConfig"):
        make_trainer(dataset, tmp_path / "other", initial=initial, model=DenoiserConfig())


def test_a_run_may_begin_with_fewer_filters(dataset, tmp_path):
    origin = make_trainer(dataset, tmp_path / "origin")
    steps(origin, 3)
    origin.save()
    initial = load_model(tmp_path / "origin/model.safetensors")
    all_of_them, fewer = (
        make_trainer(dataset, tmp_path / str(n), initial=initial, model=replace(SMALL, n_filters=n))
        for n in (8, 4)
    )
    batch = next(dataset.epoch(60, torch.Generator())).minima
    sigma = torch.full((len(batch.positions),), 0.1)
    before = initial.denoiser(batch, sigma)
    assert torch.allclose(all_of_them.denoiser(batch, sigma), before, atol=1e-5)
    assert fewer.denoiser.config.n_filters == 4
    assert fewer.origin["sha256"] == initial.sha256
    more = replace(SMALL, n_filters=9)
    with pytest.raises(ValueError, match="not DenoiserConfig"):
        make_trainer(dataset, tmp_path / "more", initial=initial, model=more)


def test_training_ends_when_its_time_is_used_up_and_logs(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run", hours=2 / 3600)
    trainer.train()
    assert trainer.progress == 1
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == trainer.step
    assert log[-1]["seconds"] >= 2
    card = load_model(tmp_path / "run/model.safetensors").card
    assert card["training"]["samples"] > 0
    assert card["domain"] == {"elements": [1, 6, 7, 8], "max_atoms": 3}


def test_checkpoints_are_the_weights_after_powers_of_two(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run", hours=2 / 3600, checkpoints=True)
    trainer.train()
    folder = tmp_path / "run/checkpoints"
    kept = sorted(path.name for path in folder.iterdir())
    n_kept = trainer.step.bit_length()
    assert kept == [f"step-{2**k:08d}.safetensors" for k in range(n_kept)]
    cards = [load_model(folder / name).card["training"] for name in kept]
    assert [card["steps"] for card in cards] == [2**k for k in range(n_kept)]


def test_a_checkpoint_is_what_was_trained_and_not_its_average(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run", checkpoints=True)
    steps(trainer, 2)
    trainer._keep()
    kept = load_model(tmp_path / "run/checkpoints/step-00000002.safetensors").denoiser
    for name, tensor in trainer.denoiser.state_dict().items():
        assert torch.equal(kept.state_dict()[name], tensor)
    averaged = trainer.average.module.state_dict()
    assert not torch.equal(kept.state_dict()["readout.weight"], averaged["readout.weight"])


def test_a_resumed_run_keeps_the_later_checkpoints(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run", checkpoints=True)
    steps(trainer, 5)
    trainer.save()
    resumed = make_trainer(dataset, tmp_path / "run", checkpoints=True, hours=8 / 3600)
    resumed.train()
    kept = sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    assert kept == [f"step-{2**k:08d}.safetensors" for k in range(3, resumed.step.bit_length())]


def test_no_checkpoints_are_kept_unasked(dataset, tmp_path):
    make_trainer(dataset, tmp_path / "run", hours=1 / 3600).train()
    assert not (tmp_path / "run/checkpoints").exists()


def test_a_step_whose_gradient_is_not_finite_changes_nothing(dataset, tmp_path):
    trainer = make_trainer(dataset, tmp_path / "run")
    before = {k: v.clone() for k, v in trainer.denoiser.state_dict().items()}
    trainer._descend(trainer.denoiser.readout.weight.sum() * float("nan"))
    assert trainer.skipped == 1
    for name, tensor in trainer.denoiser.state_dict().items():
        assert torch.equal(before[name], tensor)


def test_weights_round_trip_with_config_and_card(tmp_path):
    denoiser = Denoiser(SMALL)
    save_model(denoiser, tmp_path / "tiny.safetensors", {"level_of_theory": "b3lyp"})
    loaded = load_model(tmp_path / "tiny.safetensors")
    assert loaded.name == "tiny"
    assert loaded.card == {"level_of_theory": "b3lyp"}
    assert loaded.denoiser.config == SMALL
    save_model(denoiser, tmp_path / "again.safetensors", {"level_of_theory": "other"})
    assert load_model(tmp_path / "again.safetensors").sha256 == loaded.sha256
    save_model(Denoiser(SMALL), tmp_path / "other.safetensors", {})
    assert load_model(tmp_path / "other.safetensors").sha256 != loaded.sha256
    for name, tensor in denoiser.state_dict().items():
        assert torch.equal(loaded.denoiser.state_dict()[name], tensor)


def test_unknown_models_are_named(tmp_path):
    with pytest.raises(UnknownModelError, match="'nonesuch'; there are relaxd-large, relaxd-small"):
        load_model("nonesuch")
