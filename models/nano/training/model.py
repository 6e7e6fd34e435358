"""The network: a decoder with grouped-query attention and a mixture of experts in every layer (the qwen3moe graph).

All weights are float32 arrays in a flat dictionary whose keys are the tensor names of GGUF, stored as `[in, out]`.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Shape:
    """Sizes of the network. `head_width * heads` may differ from `width`."""

    vocabulary: int
    width: int = 192
    layers: int = 4
    heads: int = 6
    key_heads: int = 2
    head_width: int = 32
    experts: int = 8
    experts_used: int = 2
    expert_width: int = 224
    rope_base: float = 10_000.0
    epsilon: float = 1e-6
    context_tokens: int = 1024


def initial_weights(shape: Shape, seed: int) -> dict[str, jax.Array]:
    """Random weights; the same seed gives the same numbers."""
    random = np.random.default_rng(seed)
    width, hidden, experts = shape.width, shape.expert_width, shape.experts
    query, key = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    into_residual = 1 / np.sqrt(2 * shape.layers)

    def normal(*dimensions: int, scale: float) -> np.ndarray:
        return (random.standard_normal(dimensions) * scale).astype(np.float32)

    weights = {
        "token_embd": normal(shape.vocabulary, width, scale=1.0),
        "output_norm": np.ones(width, np.float32),
        "output": normal(width, shape.vocabulary, scale=0.5 / np.sqrt(width)),
    }
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        weights |= {
            f"{block}attn_norm": np.ones(width, np.float32),
            f"{block}attn_q": normal(width, query, scale=width**-0.5),
            f"{block}attn_k": normal(width, key, scale=width**-0.5),
            f"{block}attn_v": normal(width, key, scale=width**-0.5),
            f"{block}attn_output": normal(query, width, scale=query**-0.5 * into_residual),
            f"{block}attn_q_norm": np.ones(shape.head_width, np.float32),
            f"{block}attn_k_norm": np.ones(shape.head_width, np.float32),
            f"{block}ffn_norm": np.ones(width, np.float32),
            f"{block}ffn_gate_inp": normal(width, experts, scale=width**-0.5),
            f"{block}ffn_gate_exps": normal(experts, width, hidden, scale=width**-0.5),
            f"{block}ffn_up_exps": normal(experts, width, hidden, scale=width**-0.5),
            f"{block}ffn_down_exps": normal(experts, hidden, width, scale=hidden**-0.5 * into_residual),
        }
    return {name: jnp.asarray(value) for name, value in weights.items()}


def hidden_states(
    weights: dict[str, jax.Array],
    shape: Shape,
    tokens: jax.Array,
    positions: jax.Array,
    segments: jax.Array,
    capacity: float | None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What the last layer says of each token of `tokens[row, column]`, normalised; tokens see only their own segment.

    `capacity` bounds how many tokens an expert takes, as a multiple of its fair share; the rest passes it by, which
    is for training alone. With None nothing is dropped and every expert computes everything: the exact network.
    Returns the states, the load-balancing loss and the share of tokens that were dropped.
    """
    rows, columns = tokens.shape
    order = jnp.arange(columns)
    mask = (segments[:, :, None] == segments[:, None, :]) & (order[:, None] >= order[None, :])
    angles = rope_angles(shape, positions)
    stream = weights["token_embd"][tokens]
    balance, dropped = jnp.zeros(()), jnp.zeros(())
    for layer in range(shape.layers):
        block = {name.split(".")[-1]: value for name, value in weights.items() if name.startswith(f"blk.{layer}.")}
        stream += attention(block, shape, rms_norm(stream, block["attn_norm"], shape.epsilon), angles, mask)
        flat = rms_norm(stream, block["ffn_norm"], shape.epsilon).reshape(rows * columns, shape.width)
        mixed, block_balance, block_dropped = mixture(block, shape, flat, capacity)
        stream += mixed.reshape(rows, columns, shape.width)
        balance += block_balance / shape.layers
        dropped += block_dropped / shape.layers
    return rms_norm(stream, weights["output_norm"], shape.epsilon), balance, dropped


def rms_norm(values: jax.Array, scale: jax.Array, epsilon: float) -> jax.Array:
    """Root-mean-square normalisation over the last axis (arXiv 1910.07467)."""
    return values * jax.lax.rsqrt(jnp.mean(values * values, axis=-1, keepdims=True) + epsilon) * scale


def rope_angles(shape: Shape, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine of each position's angles, `[row, column, 1, half a head]` (arXiv 2104.09864)."""
    half = shape.head_width // 2
    frequencies = shape.rope_base ** (-jnp.arange(half) / half)
    angles = positions[:, :, None, None] * frequencies
    return jnp.cos(angles), jnp.sin(angles)


def rotate(heads: jax.Array, angles: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Turns the first half of each head against the second (the order that GPT-NeoX and Qwen use)."""
    cosine, sine = angles
    first, second = jnp.split(heads, 2, axis=-1)
    return jnp.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def attention(
    block: dict[str, jax.Array], shape: Shape, stream: jax.Array, angles: tuple[jax.Array, jax.Array], mask: jax.Array
) -> jax.Array:
    """Grouped-query attention with normalised queries and keys."""
    rows, columns, _ = stream.shape
    group = shape.heads // shape.key_heads
    queries = (stream @ block["attn_q"]).reshape(rows, columns, shape.heads, shape.head_width)
    keys = (stream @ block["attn_k"]).reshape(rows, columns, shape.key_heads, shape.head_width)
    values = (stream @ block["attn_v"]).reshape(rows, columns, shape.key_heads, shape.head_width)
    queries = rotate(rms_norm(queries, block["attn_q_norm"], shape.epsilon), angles)
    keys = rotate(rms_norm(keys, block["attn_k_norm"], shape.epsilon), angles)
    # Queries of one group stand below each other, so that a CPU sees few large products and not many small ones.
    queries = queries.reshape(rows, columns, shape.key_heads, group, shape.head_width).transpose(0, 2, 3, 1, 4)
    queries = queries.reshape(rows, shape.key_heads, group * columns, shape.head_width) * shape.head_width**-0.5
    scores = queries @ keys.transpose(0, 2, 3, 1)
    scores = jnp.where(mask[:, None, None], scores.reshape(rows, shape.key_heads, group, columns, columns), -1e30)
    raised = jnp.exp(scores - jax.lax.stop_gradient(scores.max(axis=-1, keepdims=True)))
    raised = raised.reshape(rows, shape.key_heads, group * columns, columns)
    mixed = raised @ values.transpose(0, 2, 1, 3) / raised.sum(axis=-1, keepdims=True)
    mixed = mixed.reshape(rows, shape.key_heads, group, columns, shape.head_width).transpose(0, 3, 1, 2, 4)
    return mixed.reshape(rows, columns, shape.heads * shape.head_width) @ block["attn_output"]


def mixture(
    block: dict[str, jax.Array], shape: Shape, stream: jax.Array, capacity: float | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Each token's best experts, mixed by their share; with the load-balancing loss (arXiv 2101.03961, section 2.2)."""
    chances = jax.nn.softmax(stream @ block["ffn_gate_inp"], axis=-1)
    shares, chosen = jax.lax.top_k(chances, shape.experts_used)
    shares /= shares.sum(axis=-1, keepdims=True)
    used = jax.nn.one_hot(chosen, shape.experts)
    balance = shape.experts * jnp.sum(used.mean(axis=(0, 1)) * chances.mean(axis=0))
    if capacity is None:
        every = run_experts(block, jnp.broadcast_to(stream, (shape.experts, *stream.shape)))
        weight = jnp.einsum("tke,tk->et", used, shares)
        return jnp.einsum("etd,et->td", every, weight), balance, jnp.zeros(())
    tokens = stream.shape[0]
    slots = int(np.ceil(capacity * tokens * shape.experts_used / shape.experts / 8)) * 8
    place, source = assign_slots(chosen, shape.experts, slots)
    taken = move_rows(stream, source // shape.experts_used, place)
    computed = run_experts(block, taken.reshape(shape.experts, slots, shape.width)).reshape(-1, shape.width)
    back = return_rows(computed, place, source, shape.experts_used)
    mixed = jnp.einsum("tkd,tk->td", back, shares)
    return mixed, balance, jnp.mean(place >= shape.experts * slots)


def run_experts(block: dict[str, jax.Array], inputs: jax.Array) -> jax.Array:
    """Every expert's gated network on its own rows of `inputs[expert, row]`."""
    gate = jnp.einsum("ecd,edf->ecf", inputs, block["ffn_gate_exps"])
    up = jnp.einsum("ecd,edf->ecf", inputs, block["ffn_up_exps"])
    return jnp.einsum("ecf,efd->ecd", jax.nn.silu(gate) * up, block["ffn_down_exps"])


def assign_slots(chosen: jax.Array, experts: int, slots: int) -> tuple[jax.Array, jax.Array]:
    """Where each choice is computed, first come first served, and who sits in each slot.

    `place[token, choice]` is `experts * slots` for a choice that found no slot; `source[slot]` is the flat choice, or
    one past the last for an empty slot.
    """
    flat = chosen.reshape(-1)
    queue = jnp.cumsum(jax.nn.one_hot(flat, experts, dtype=jnp.int32), axis=0)
    rank = jnp.take_along_axis(queue, flat[:, None], axis=1)[:, 0] - 1
    place = jnp.where(rank < slots, flat * slots + rank, experts * slots)
    source = jnp.full(experts * slots + 1, flat.size, jnp.int32).at[place].set(jnp.arange(flat.size, dtype=jnp.int32))
    return place.reshape(chosen.shape), source[:-1]


def _rows(values: jax.Array, index: jax.Array) -> jax.Array:
    """`values[index]`, zeros where the index is past the end."""
    return jnp.take(values, index, axis=0, mode="fill", fill_value=0)


@jax.custom_vjp
def move_rows(stream: jax.Array, token: jax.Array, place: jax.Array) -> jax.Array:
    """Rows of tokens to slots. Its gradient is a gather as well, where the derived one would be a slow scatter."""
    return _rows(stream, token)


move_rows.defvjp(
    lambda stream, token, place: (_rows(stream, token), place),
    lambda place, gradient: (_rows(gradient, place).sum(axis=1), None, None),
)


def return_rows(computed: jax.Array, place: jax.Array, source: jax.Array, choices: int) -> jax.Array:
    """Rows of slots back to `[token, choice]`; zeros for a choice that found no slot."""
    return _return_rows(computed, place, source)


@jax.custom_vjp
def _return_rows(computed: jax.Array, place: jax.Array, source: jax.Array) -> jax.Array:
    return _rows(computed, place)


_return_rows.defvjp(
    lambda computed, place, source: (_rows(computed, place), source),
    lambda source, gradient: (_rows(gradient.reshape(-1, gradient.shape[-1]), source), None, None),
)
