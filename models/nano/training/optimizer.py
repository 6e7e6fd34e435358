"""Two rules of learning: Muon for the matrices inside the network, Adam for the rest, each with its own step size."""

import jax
import jax.numpy as jnp

Weights = dict[str, jax.Array]
State = dict[str, Weights]

MUON_RATE, ADAM_RATE = 0.02, 0.004
MOMENTUM, BETA_1, BETA_2, EPSILON = 0.95, 0.9, 0.98, 1e-9
DECAY = 0.01
# Steps at the beginning, and share of the steps at the end.
WARMING_UP, COMING_DOWN = 8, 0.3
# Coefficients and number of rounds of the iteration: https://kellerjordan.github.io/posts/muon/
ROUNDS = 4
CUBIC = (3.4445, -4.7750, 2.0315)


def is_inner_matrix(name: str) -> bool:
    """Whether Muon moves it: not embeddings, output, norms and routers."""
    return name.startswith("blk.") and "norm" not in name and "gate_inp" not in name


def initial_state(weights: Weights) -> State:
    """All zeros."""
    return {
        "first": {name: jnp.zeros_like(value) for name, value in weights.items()},
        "second": {name: jnp.zeros_like(value) for name, value in weights.items() if not is_inner_matrix(name)},
    }


def step_size(step: jax.Array, steps: int) -> jax.Array:
    """A share of the full rate: up over the first steps, level, then straight down over the last part of the run.

    Where a run ends can so be decided late: two runs are the same up to where the shorter one begins to come down.
    """
    left = (steps - step) / (steps * COMING_DOWN)
    return jnp.minimum((step + 1) / WARMING_UP, jnp.clip(left, 0.01, 1))


def update(
    weights: Weights, gradients: Weights, state: State, step: jax.Array, rate: jax.Array
) -> tuple[Weights, State]:
    """Weights and state after one step."""
    moved: Weights = {}
    first: Weights = {}
    second: Weights = {}
    for name, gradient in gradients.items():
        if is_inner_matrix(name):
            first[name] = MOMENTUM * state["first"][name] + gradient
            change = orthogonalized(gradient + MOMENTUM * first[name])
            rows, columns = gradient.shape[-2:]
            scale = MUON_RATE * max(1.0, columns / rows) ** 0.5
            moved[name] = weights[name] * (1 - rate * MUON_RATE * DECAY) - rate * scale * change
            continue
        first[name] = BETA_1 * state["first"][name] + (1 - BETA_1) * gradient
        second[name] = BETA_2 * state["second"][name] + (1 - BETA_2) * gradient**2
        mean = first[name] / (1 - BETA_1 ** (step + 1))
        spread = jnp.sqrt(second[name] / (1 - BETA_2 ** (step + 1))) + EPSILON
        moved[name] = weights[name] - rate * ADAM_RATE * mean / spread
    return moved, {"first": first, "second": second}


def orthogonalized(matrix: jax.Array) -> jax.Array:
    """Nearly the nearest matrix whose singular values are all one; matrices may be stacked along the first axis."""
    a, b, c = CUBIC
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    x = jnp.swapaxes(matrix, -1, -2) if is_tall else matrix
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ jnp.swapaxes(x, -1, -2)
        x = a * x + (b * square + c * square @ square) @ x
    return jnp.swapaxes(x, -1, -2) if is_tall else x
