"""Writes the trained model as GGUF, and frozen prompts with what the network says of them.

`python -m training.export --run <folder of training> --out <file.gguf> [--type Q8_0|F16] [--frozen <file.json>]`
"""

import argparse
import json
from pathlib import Path
from random import Random

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

from curriculum.corpus import examination
from curriculum.write_examination import examination_row

from .chat_format import prompt
from .gguf import Metadata, as_stored, write_gguf
from .model import Shape, hidden_states
from .tokenizer import END, END_OF_TEXT, MARKS, load_tokenizer
from .train import load_checkpoint

NAME = "rightsize-nano"
FROZEN_SEED = 303
TEMPLATE = Path(__file__).parent.parent / "chat-template.jinja"
Tensors = dict[str, tuple[str, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--type", choices=["Q8_0", "F16"], default="Q8_0")
    parser.add_argument("--frozen", type=Path, help="where to write prompts with expected log-probabilities")
    options = parser.parse_args()
    tokenizer = load_tokenizer(options.run / "tokenizer.json")
    weights, _, steps = load_checkpoint(options.run / "checkpoint.npz")
    shape = Shape(vocabulary=tokenizer.get_vocab_size())
    tensors = to_tensors({name: np.asarray(value) for name, value in weights.items()}, options.type)
    write_gguf(options.out, metadata(shape, tokenizer, options.type, steps), tensors)
    print(f"{options.out}: {options.out.stat().st_size} bytes, {json.dumps(parameters(shape, weights))}")
    if options.frozen:
        options.frozen.parent.mkdir(parents=True, exist_ok=True)
        options.frozen.write_text(json.dumps(frozen(shape, tokenizer, tensors), ensure_ascii=False) + "\n")


def to_tensors(weights: dict[str, np.ndarray], kind: str) -> Tensors:
    """Turned as the format wants them: the input axis last. Norms and routers stay single precision."""
    tensors: Tensors = {}
    for name, values in weights.items():
        is_exact = "norm" in name or "gate_inp" in name
        turned = values if name == "token_embd" or values.ndim == 1 else np.swapaxes(values, -1, -2)
        tensors[f"{name}.weight"] = ("F32" if is_exact else kind, np.ascontiguousarray(turned))
    return tensors


def parameters(shape: Shape, weights: dict) -> dict[str, int]:
    """How many numbers the model has, and how many of them are left without the experts that a token does not use."""
    total = sum(value.size for value in weights.values())
    experts = sum(value.size for name, value in weights.items() if "_exps" in name)
    idle = experts * (shape.experts - shape.experts_used) // shape.experts
    return {"total": total, "active": total - idle}


def metadata(shape: Shape, tokenizer: Tokenizer, kind: str, steps: int) -> Metadata:
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return [
        ("general.architecture", "qwen3moe"),
        ("general.name", NAME),
        ("general.type", "model"),
        ("general.license", "apache-2.0"),
        (
            "general.description",
            f"A tiny mixture of experts, trained for {steps} steps on an English curriculum of its own.",
        ),
        ("general.file_type", {"F16": 1, "Q8_0": 7}[kind]),
        ("general.quantization_version", 2),
        ("qwen3moe.block_count", shape.layers),
        ("qwen3moe.context_length", shape.context_tokens),
        ("qwen3moe.embedding_length", shape.width),
        ("qwen3moe.feed_forward_length", shape.expert_width),
        ("qwen3moe.expert_feed_forward_length", shape.expert_width),
        ("qwen3moe.expert_count", shape.experts),
        ("qwen3moe.expert_used_count", shape.experts_used),
        ("qwen3moe.attention.head_count", shape.heads),
        ("qwen3moe.attention.head_count_kv", shape.key_heads),
        ("qwen3moe.attention.key_length", shape.head_width),
        ("qwen3moe.attention.value_length", shape.head_width),
        ("qwen3moe.attention.layer_norm_rms_epsilon", shape.epsilon),
        ("qwen3moe.rope.freq_base", shape.rope_base),
        ("qwen3moe.rope.dimension_count", shape.head_width),
        ("qwen3moe.vocab_size", len(tokens)),
        ("tokenizer.ggml.model", "gpt2"),
        ("tokenizer.ggml.pre", "qwen2"),
        ("tokenizer.ggml.tokens", tokens),
        ("tokenizer.ggml.token_type", [3 if token in MARKS else 1 for token in tokens]),
        ("tokenizer.ggml.merges", merges),
        ("tokenizer.ggml.bos_token_id", tokens.index(END_OF_TEXT)),
        ("tokenizer.ggml.eos_token_id", tokens.index(END)),
        ("tokenizer.ggml.padding_token_id", tokens.index(END_OF_TEXT)),
        ("tokenizer.ggml.add_bos_token", False),
        ("tokenizer.chat_template", TEMPLATE.read_text().rstrip("\n")),
    ]


def frozen(shape: Shape, tokenizer: Tokenizer, tensors: Tensors) -> dict:
    """What other code must find the same: texts with their tokens, and held-out prompts with the likeliest next tokens.

    The chances are those of the weights as the file stores them, every expert computed.
    """
    examples = examination(FROZEN_SEED, 2)
    encoded = [tokenizer.encode(prompt(example)).ids for example in examples]
    longest = max(map(len, encoded))
    padded = jnp.asarray([tokens + [0] * (longest - len(tokens)) for tokens in encoded])
    positions = jnp.broadcast_to(jnp.arange(longest), padded.shape)
    weights = as_read(tensors)
    network = jax.jit(lambda *inputs: hidden_states(weights, shape, *inputs, None)[0] @ weights["output"])
    logits = np.asarray(network(padded, positions, jnp.zeros_like(padded)))
    prompts = []
    for example, tokens, row in zip(examples, encoded, logits, strict=True):
        chances = np.asarray(jax.nn.softmax(row[len(tokens) - 1]))
        best = np.argsort(-chances)[:5]
        next_tokens = [{"token": int(token), "chance": round(float(chances[token]), 5)} for token in best]
        sent = examination_row(0, example)
        request = {"messages": sent["messages"], "tools": sent.get("tools", [])}
        prompts.append({**request, "prompt": prompt(example), "tokens": tokens, "next": next_tokens})
    texts = [{"text": text, "tokens": tokenizer.encode(text).ids} for text in odd_texts(Random(FROZEN_SEED))]
    return {"texts": texts, "prompts": prompts}


def as_read(tensors: Tensors) -> dict[str, jax.Array]:
    """The weights that a reader of the file gets, turned back."""
    read = {}
    for name, (kind, values) in tensors.items():
        plain, stored = name.removesuffix(".weight"), as_stored(kind, values)
        read[plain] = jnp.asarray(stored if plain == "token_embd" or stored.ndim == 1 else np.swapaxes(stored, -1, -2))
    return read


def odd_texts(random: Random) -> list[str]:
    """Texts that tokenizers cut differently when they can: numbers, white space, marks, contractions, other scripts."""
    parts = [
        "12",
        "3.5",
        "007",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "I'm",
        "WE'LL",
        "don't",
        "--",
        "...",
        "?!",
        "(a)",
        "_x_",
        "é",
        "ß",
        "漢字",
        "ü",
        "🙂",
        "café",
        "The",
        " capital",
        "of",
        '{"a": 1}',
        "http://x.y/z?q=1",
        "١٢",
        "½",
        "x²",
        "</tool>",
        "<tool_call>",
        "#1",
        "a1b2",
        "\r\n",
        "ﬁ",
        "\u00a0",
        "नमस्ते",
    ]
    return ["".join(random.choices(parts, k=random.randint(1, 8))) for _ in range(400)]


if __name__ == "__main__":
    main()
