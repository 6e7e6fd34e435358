"""The curriculum as a whole: how often each lesson comes, and the small ways in which people vary their questions."""

from random import Random

from .arithmetic import shares, story, three_digits, two_digits, with_units, worded
from .beyond import beyond
from .drills import several_facts, several_sums, several_translations
from .example import HELD_OUT, TRAIN, Example, system
from .extraction import extraction
from .facts import fact
from .labels import sentiment, topic
from .lists import listed, sorting, spelling
from .smalltalk import several_turns, small_talk
from .tools import FUNCTIONS, described, tool_call, tool_result
from .wording import definition, rephrasing
from .yes_no import comparison, yes_no

# Lessons and how often they come.
LESSONS = [
    (two_digits, 11), (several_sums, 6), (three_digits, 5), (worded, 3), (with_units, 2), (story, 2), (shares, 2), (fact, 11),
    (several_facts, 4), (several_translations, 2), (yes_no, 7), (comparison, 5),
    (sentiment, 6), (topic, 6), (extraction, 6), (sorting, 7), (listed, 2), (spelling, 3), (rephrasing, 2), (definition, 2), (small_talk, 2),
    (several_turns, 3), (beyond, 12),
]
LONG_LESSONS = [(tool_call, 10), (tool_result, 2)]

OPENINGS = ["Hi, ", "Hello! ", "Please answer: ", "Quick question: ", "Question: ", "Hey, ", "Tell me, ", "I have a question. ", "Q: ", "One more: ", "So, ", "OK, "]
SYSTEMS = [
    "You are a helpful assistant.", "You are helpful.", "Be brief.", "Answer in one sentence.", "You are a friendly assistant.", "Answer shortly and correctly.",
    "You are a concise assistant.", "Be helpful and honest.", "Give short answers.", "You are rightsize-nano.", "Reply in English.", "You are an AI assistant that helps people.",
]


def lesson(random: Random) -> Example:
    """A short lesson, its question varied."""
    make = random.choices([make for make, _ in LESSONS], [weight for _, weight in LESSONS])[0]
    return varied(random, make(random, TRAIN))


def long_lesson(random: Random) -> Example:
    """A lesson of functions, or a few short ones as one conversation, or one with functions that it does not need."""
    kind = random.random()
    if kind < 0.7:
        make = random.choices([make for make, _ in LONG_LESSONS], [weight for _, weight in LONG_LESSONS])[0]
        return varied(random, make(random, TRAIN))
    if kind < 0.85:
        example = lesson(random)
        example.tools = [described(function) for function in random.sample(FUNCTIONS, random.randint(1, 2))]
        return example
    parts = [lesson(random) for _ in range(random.randint(2, 5))]
    return Example("conversation", [m for part in parts for m in part.messages if m["role"] != "system"])


def varied(random: Random, example: Example) -> Example:
    """Sometimes a word in front, all in small letters, without the mark at the end, or after a system prompt."""
    messages = [dict(message) for message in example.messages]
    first = messages[0]
    if random.random() < 0.15:
        first["content"] = random.choice(OPENINGS) + first["content"]
    if random.random() < 0.12 and not _needs_case(example):
        first["content"] = first["content"].lower()
    if random.random() < 0.12:
        first["content"] = first["content"].rstrip("?.!")
    if random.random() < 0.15:
        messages.insert(0, system(random.choice(SYSTEMS)))
    example.messages = messages
    return example


def _needs_case(example: Example) -> bool:
    return example.skill in ("JSON extraction", "tool calls", "answers from tool results", "rephrasing", "two and three turns")


def examination(seed: int, per_lesson: int, avoid: set[str] = frozenset()) -> list[Example]:
    """Held-out examples of every lesson, each question once and none of those in `avoid`."""
    seen, chosen = set(avoid), []
    for make, _ in [*LESSONS, *LONG_LESSONS]:
        random = Random(f"{seed}:{make.__name__}")
        wanted, tries = per_lesson * (3 if make is beyond else 1), 0
        while wanted > 0 and tries < 50 * per_lesson:
            tries += 1
            example = make(random, HELD_OUT)
            key = str(example.messages[:-1])
            if key not in seen:
                seen.add(key)
                chosen.append(example)
                wanted -= 1
    return chosen
