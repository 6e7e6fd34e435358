"""Trains the model: `python -m training.train --out <folder>`, stopped and taken up again at any time.

The same command gives the same weights on the same machine: lessons depend on the seed and the step, nothing on time.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from random import Random

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false"
)  # on a busy machine threads wait for each other

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

from curriculum.corpus import lesson, long_lesson

from .batches import LONG_EVERY, make_batch
from .chat_format import pieces
from .model import Shape, hidden_states, initial_weights
from .optimizer import State, Weights, initial_state, step_size, update
from .tokenizer import learn_tokenizer, load_tokenizer

TOKENIZER_LESSONS = 24_000
BALANCE_WEIGHT = 0.02
CAPACITY = 1.25
CHECKPOINT_EVERY = 50
LOG_EVERY = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of tokenizer, checkpoint and log")
    parser.add_argument("--steps", type=int, default=4200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(options.out / "tokenizer.json", options.seed)
    shape = Shape(vocabulary=tokenizer.get_vocab_size())
    train(shape, tokenizer, options.out, options.steps, options.seed)


def train(shape: Shape, tokenizer: Tokenizer, out: Path, steps: int, seed: int) -> None:
    """Runs from the last checkpoint, or from the beginning, to the last step."""
    weights = initial_weights(shape, seed)
    state = initial_state(weights)
    first = 0
    if (out / "checkpoint.npz").exists():
        weights, state, first = load_checkpoint(out / "checkpoint.npz")
        _forget_log_from(out / "log.jsonl", first)
    advance = jax.jit(partial(_advance, shape, steps), donate_argnums=(0, 1))
    with (out / "log.jsonl").open("a") as log:
        started, losses = time.monotonic(), []
        for step in range(first, steps):
            batch = make_batch(tokenizer, seed, step)
            arrays = (batch.tokens, batch.positions, batch.segments, batch.places, batch.targets, batch.weights)
            weights, state, figures = advance(weights, state, jnp.int32(step), *arrays)
            losses.append({name: float(value) for name, value in figures.items()})
            if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
                means = {name: round(float(np.mean([loss[name] for loss in losses])), 5) for name in losses[0]}
                log.write(json.dumps({"step": step + 1, **means}) + "\n")
                log.flush()
                print(step + 1, means, f"{(time.monotonic() - started) / len(losses):.2f} s/step", flush=True)
                started, losses = time.monotonic(), []
            if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == steps:
                save_checkpoint(out / "checkpoint.npz", weights, state, step + 1)


def _advance(shape: Shape, steps: int, weights: Weights, state: State, step: jax.Array, *batch: jax.Array):
    (_, figures), gradients = jax.value_and_grad(partial(_loss, shape), has_aux=True)(weights, *batch)
    weights, state = update(weights, gradients, state, step, step_size(step, steps))
    return weights, state, figures


def _loss(shape: Shape, weights: Weights, tokens, positions, segments, places, targets, counts):
    """Mean negative log-likelihood of the answers' tokens, and the price of unbalanced experts."""
    states, balance, dropped = hidden_states(weights, shape, tokens, positions, segments, CAPACITY)
    logits = states.reshape(-1, shape.width)[places] @ weights["output"]
    chances = jax.nn.log_softmax(logits, axis=-1)
    losses = -jnp.take_along_axis(chances, targets[:, None], axis=1)[:, 0]
    right = (jnp.argmax(logits, axis=-1) == targets) * counts
    loss = jnp.sum(losses * counts) / jnp.sum(counts)
    figures = {"loss": loss, "right": jnp.sum(right) / jnp.sum(counts), "balance": balance, "dropped": dropped}
    return loss + BALANCE_WEIGHT * balance, figures


def save_checkpoint(path: Path, weights: Weights, state: State, step: int) -> None:
    """Written beside and renamed, so that a stop at any moment leaves a whole file."""
    arrays = {f"weights/{name}": value for name, value in weights.items()}
    arrays |= {f"{part}/{name}": value for part, values in state.items() for name, value in values.items()}
    partial_path = path.with_suffix(".partial.npz")
    np.savez(partial_path, step=step, **{name: np.asarray(value) for name, value in arrays.items()})
    partial_path.rename(path)


def load_checkpoint(path: Path) -> tuple[Weights, State, int]:
    """Weights, the optimizer's state, and the number of steps done."""
    with np.load(path) as file:
        parts: dict[str, Weights] = {"weights": {}, "first": {}, "second": {}}
        for key in file.files:
            part, _, name = key.partition("/")
            if name:
                parts[part][name] = jnp.asarray(file[key])
        return parts["weights"], {"first": parts["first"], "second": parts["second"]}, int(file["step"])


def _tokenizer(path: Path, seed: int) -> Tokenizer:
    if not path.exists():
        random = Random(f"{seed}:tokenizer")
        makers = [long_lesson if index % LONG_EVERY == 0 else lesson for index in range(TOKENIZER_LESSONS)]
        learn_tokenizer(text for make in makers for text, _ in pieces(make(random))).save(str(path))
    return load_tokenizer(path)


def _forget_log_from(path: Path, step: int) -> None:
    """Drops lines that the last run wrote after its last checkpoint."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    path.write_text("".join(line for line in lines if json.loads(line)["step"] <= step))


if __name__ == "__main__":
    main()
