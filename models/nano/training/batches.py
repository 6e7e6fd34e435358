"""Lessons packed into rows of tokens. Each step's lessons depend on the seed and the number of the step alone."""

from dataclasses import dataclass
from random import Random

import numpy as np
from tokenizers import Tokenizer

from curriculum.corpus import lesson, long_lesson

from .chat_format import pieces

# Rows and columns of a step: mostly short lessons, every eighth time long ones.
SHORT, LONG = (40, 96), (8, 512)
LONG_EVERY = 8
# So many lessons in a row that fit nowhere end a batch.
PATIENCE = 12
# Most of a batch that is learnt; the rest is questions.
LEARNT = 0.4

Encoded = tuple[list[int], list[bool]]


@dataclass
class Batch:
    """`targets` are what follows at the flat positions `places`; weight 0 fills up."""

    tokens: np.ndarray
    positions: np.ndarray
    segments: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def make_batch(tokenizer: Tokenizer, seed: int, step: int) -> Batch:
    """The lessons of one step, each in the first row that has room for it, until many in a row find none."""
    random = Random(f"{seed}:{step}")
    is_long = step % LONG_EVERY == LONG_EVERY - 1
    rows, columns = LONG if is_long else SHORT
    filled: list[list[Encoded]] = [[] for _ in range(rows)]
    room = [columns] * rows
    refused = 0
    while refused < PATIENCE:
        encoded = encode(tokenizer, pieces((long_lesson if is_long else lesson)(random)))
        length = len(encoded[0])
        row = next((row for row in range(rows) if room[row] >= length), None)
        if row is None:
            refused += 1
            continue
        refused = 0
        filled[row].append(encoded)
        room[row] -= length
    return _pack(filled, rows, columns)


def encode(tokenizer: Tokenizer, texts: list[tuple[str, bool]]) -> Encoded:
    """Tokens of the pieces, and which of them are to be learnt."""
    tokens: list[int] = []
    learnt: list[bool] = []
    for (_, is_learnt), encoded in zip(texts, tokenizer.encode_batch([text for text, _ in texts]), strict=True):
        tokens += encoded.ids
        learnt += [is_learnt] * len(encoded.ids)
    return tokens, learnt


def _pack(filled: list[list[Encoded]], rows: int, columns: int) -> Batch:
    tokens = np.zeros((rows, columns), np.int32)
    positions = np.zeros((rows, columns), np.int32)
    segments = np.full((rows, columns), -1, np.int32)
    places, targets = [], []
    for row, examples in enumerate(filled):
        start = 0
        for number, (ids, learnt) in enumerate(examples):
            end = start + len(ids)
            tokens[row, start:end] = ids
            positions[row, start:end] = np.arange(len(ids))
            segments[row, start:end] = number
            for at in range(1, len(ids)):
                if learnt[at]:
                    places.append(row * columns + start + at - 1)
                    targets.append(ids[at])
            start = end
    most = int(rows * columns * LEARNT)
    places, targets = places[:most], targets[:most]
    empty = most - len(places)
    return Batch(
        tokens,
        positions,
        segments,
        np.array(places + [0] * empty, np.int32),
        np.array(targets + [0] * empty, np.int32),
        np.array([1.0] * len(places) + [0.0] * empty, np.float32),
    )
