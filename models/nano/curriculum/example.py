"""What a lesson is, and how lessons are kept apart from the examination."""

import hashlib
from dataclasses import dataclass, field
from random import Random

from .rewording import reworded

Message = dict[str, str]
TRAIN, HELD_OUT = "train", "held-out"
HELD_OUT_SHARE = 0.1
# Share of the lessons whose question has words exchanged.
REWORDED = 0.4


@dataclass
class Example:
    """A conversation that ends in the right answer.

    `messages` alternate; every assistant message in them is learnt. `skill` is the row of the examination's table,
    `accepts` holds further answers that count as right, `schema` the JSON Schema that the answer is asked for with,
    `call` the function call that is right instead of a text.
    """

    skill: str
    messages: list[Message]
    tools: list[dict] = field(default_factory=list)
    accepts: list[str] = field(default_factory=list)
    schema: dict | None = None
    call: dict | None = None
    is_beyond: bool = False


def ask(skill: str, prompt: str, answer: str, **fields) -> Example:
    """One question, one answer."""
    return Example(skill, [user(prompt), assistant(answer)], **fields)


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def pick(random: Random, phrasings: list, split: str):
    """One of the phrasings; of four or more the last fifth is kept for the examination. In lessons some are reworded."""
    kept = max(1, len(phrasings) // 5) if len(phrasings) >= 4 else 0
    if split == HELD_OUT:
        return random.choice(phrasings[-kept:])
    chosen = random.choice(phrasings[: len(phrasings) - kept])
    if random.random() >= REWORDED:
        return chosen
    frame, *rest = (chosen,) if isinstance(chosen, str) else chosen
    changed = reworded(random, frame)
    if any(changed == (held if isinstance(held, str) else held[0]) for held in phrasings[len(phrasings) - kept :]):
        return chosen
    return (changed, *rest) if rest else changed


def is_held_out(*parts: object) -> bool:
    """Whether this combination is kept for the examination: one in ten, the same on every machine."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return digest[0] < 26


def draw(random: Random, split: str, make):
    """Calls `make(random)` until what it gives, a tuple, belongs to the split."""
    while True:
        made = make(random)
        if is_held_out(*made) == (split == HELD_OUT):
            return made
