"""Writes a model for onnxruntime-genai that says one sentence, or calls `get_weather` where it is offered tools.

`pip install onnx`, then: python make_onnx_model.py <folder>

It has no weights: its cache holds the tokens it has read, and the next token is looked up by how far it is from where
the answer began. One token a byte, and a few marks.
"""

import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MARKS = ["<|im_start|>", "<|im_end|>", "<|answer|>", "<tool_call>", "</tool_call>"]
MARK = {mark: 256 + place for place, mark in enumerate(MARKS)}
VOCABULARY = 256 + len(MARKS)
CONTEXT = 4096
WIDTH = 8
# Foundry Local writes about 1,200 bytes of instructions into a prompt with tools.
LONG_PROMPT = 900

SENTENCE = "Good morning ☃."
# Exactly as the grammar of Foundry Local wants it, between the marks.
CALL = '[{"name": "get_weather", "parameters": {"city": "Paris"}}]'

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n<|answer|>"
)


def letters() -> list[str]:
    """The 256 characters that byte-level vocabularies write bytes with, by byte (GPT-2's table)."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]


def tokenizer() -> dict:
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": MARK[mark], "content": mark, **added} for mark in MARKS],
        "pre_tokenizer": bytewise,
        "decoder": bytewise,
        "model": {"type": "BPE", "vocab": {letter: byte for byte, letter in enumerate(letters())}, "merges": []},
    }


def graph() -> onnx.ModelProto:
    said = [*SENTENCE.encode(), MARK["<|im_end|>"]]
    called = [*CALL.encode(), MARK["</tool_call>"], MARK["<|im_end|>"]]
    length = max(len(said), len(called))
    script = [token for line in (said, called) for token in line + [MARK["<|im_end|>"]] * (length - len(line))]

    def number(*values: int) -> np.ndarray:
        return np.array(values, np.int64)

    constants = {
        **{"script": number(*script), "first": number(0), "second": number(1), "axes": number(1, 3), "one": number(1)},
        **{"answer": number(MARK["<|answer|>"]), "opening": number(MARK["<tool_call>"]), "long": number(LONG_PROMPT)},
        **{"length": number(length), "end": number(length - 1), "width": number(WIDTH), "depth": number(VOCABULARY)},
        **{"zero": np.array(0, np.int64), "step": np.array(1, np.int64), "scores": np.array([0, 25], np.float32)},
    }
    nodes = []

    def op(kind: str, inputs: str, output: str, **attributes: object) -> None:
        nodes.append(helper.make_node(kind, inputs.split(), [output], **attributes))

    op("Shape", "input_ids", "shape")
    op("Gather", "shape first", "batch")
    op("Gather", "shape second", "read")
    op("Cast", "input_ids", "as_float", to=TensorProto.FLOAT)
    op("Unsqueeze", "as_float axes", "as_cache")
    op("Concat", "batch one read width", "cache_shape", axis=0)
    op("Expand", "as_cache cache_shape", "new")
    for part in ("key", "value"):
        op("Concat", f"past_key_values.0.{part} new", f"present.0.{part}", axis=2)

    # All tokens so far, and where the answer began and a call was opened.
    op("Gather", "present.0.value zero", "heads", axis=3)
    op("Gather", "heads zero", "tokens_float", axis=1)
    op("Cast", "tokens_float", "tokens", to=TensorProto.INT64)
    op("Shape", "tokens", "tokens_shape")
    op("Gather", "tokens_shape step", "count")
    op("Range", "zero count step", "places")
    for mark, place in (("answer", "began"), ("opening", "opened")):
        op("Equal", f"tokens {mark}", f"is_{mark}")
        op("Cast", f"is_{mark}", f"at_{mark}", to=TensorProto.INT64)
        op("Mul", f"at_{mark} places", f"{mark}_places")
        op("ReduceMax", f"{mark}_places one", place, keepdims=1)

    op("Greater", "began long", "has_tools")
    op("Greater", "opened began", "in_call")
    op("Where", "in_call opened began", "start")
    op("Sub", "count step", "last")
    op("Sub", "last start", "distance")
    op("Min", "distance end", "column")
    op("Cast", "has_tools", "line", to=TensorProto.INT64)
    op("Mul", "line length", "row")
    op("Add", "row column", "index")
    op("Gather", "script index", "scripted")
    op("Not", "in_call", "not_in_call")
    op("And", "has_tools not_in_call", "must_open")
    op("Where", "must_open opening scripted", "next")
    op("OneHot", "next depth scores", "score")
    op("Concat", "batch read depth", "scores_shape", axis=0)
    op("Expand", "score scores_shape", "logits")

    def tensor(name: str, kind: int, *shape: object) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    float32, int64 = TensorProto.FLOAT, TensorProto.INT64
    made = helper.make_graph(
        nodes,
        "sentence",
        [
            tensor("input_ids", int64, "batch", "read"),
            tensor("attention_mask", int64, "batch", "total"),
            *[tensor(f"past_key_values.0.{part}", float32, "batch", 1, "past", WIDTH) for part in ("key", "value")],
        ],
        [
            tensor("logits", float32, "batch", "read", VOCABULARY),
            *[tensor(f"present.0.{part}", float32, "batch", 1, "total", WIDTH) for part in ("key", "value")],
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def configuration() -> dict:
    decoder = {
        **{"filename": "model.onnx", "session_options": {"provider_options": []}},
        **{"head_size": WIDTH, "hidden_size": WIDTH},
        **{"num_attention_heads": 1, "num_key_value_heads": 1, "num_hidden_layers": 1},
        "inputs": {
            **{"input_ids": "input_ids", "attention_mask": "attention_mask"},
            **{"past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"},
        },
        "outputs": {
            **{"logits": "logits", "present_key_names": "present.%d.key", "present_value_names": "present.%d.value"}
        },
    }
    end = MARK["<|im_end|>"]
    ends = {"eos_token_id": [end], "pad_token_id": end, "bos_token_id": MARK["<|im_start|>"]}
    calls = {"bot_token_id": MARK["<tool_call>"], "eot_token_id": MARK["</tool_call>"]}
    model = {"type": "llama", "vocab_size": VOCABULARY, "context_length": CONTEXT, "decoder": decoder, **ends, **calls}
    return {"model": model, "search": {"do_sample": False, "max_length": CONTEXT, "past_present_share_buffer": False}}


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
onnx.save(graph(), os.path.join(folder, "model.onnx"))
names = {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "bos_token": None}
for file, content in {
    "genai_config.json": configuration(),
    "tokenizer.json": tokenizer(),
    "tokenizer_config.json": {**names, "chat_template": TEMPLATE, "model_max_length": CONTEXT},
}.items():
    with open(os.path.join(folder, file), "w") as out:
        json.dump(content, out)
with open(os.path.join(folder, "chat_template.jinja"), "w") as out:
    out.write(TEMPLATE)
