"""Sorting, counting, spelling, and what is first, last or largest in a list."""

from random import Random

from .example import Example, ask, draw, pick
from .tables import WORDS

UP = [
    "Sort these numbers: {}", "Sort {}", "Sort the numbers {} in ascending order.", "Put these numbers in order: {}", "Order from smallest to largest: {}",
    "Sort ascending: {}", "Sort these from low to high: {}", "Please sort the numbers {}", "Sort {} from smallest to largest.", "From small to large: {}", "Sort the list {}",
    "In ascending order, please: {}", "Put {} in order.", "Order the numbers {}", "Can you sort {}?", "Arrange in ascending order: {}", "Numbers: {}\nSorted:", "Give me {} sorted.",
    "Arrange {} from small to large.", "Bring these numbers into order: {}", "Please sort {} from low to high.",
]
DOWN = [
    "Sort {} in descending order.", "Sort descending: {}", "Sort {} from largest to smallest.", "Please sort {} from high to low.", "From large to small: {}",
    "In descending order, please: {}", "Order {} from high to low.", "Put {} in descending order.", "Largest first: {}", "Sort these numbers, largest first: {}", "Order from largest to smallest: {}", "Sort these from high to low: {}",
    "Arrange {} from large to small.", "Sort from largest to smallest: {}",
]
ALPHABET = [
    "Sort these words alphabetically: {}", "Sort these words from A to Z: {}", "Order alphabetically: {}", "Put {} in alphabetical order.", "From A to Z: {}",
    "Words: {}\nIn alphabetical order:", "Please sort the words {}", "Can you sort the words {} alphabetically?", "Sort the words {} from A to Z.", "Put these words in alphabetical order: {}", "Sort alphabetically: {}", "Alphabetical order: {}",
    "Arrange the words {} alphabetically.", "Order these words from A to Z: {}",
]
BEST = [
    ("What is the largest of {}?", max), ("Largest number of {}?", max), ("Which is the smallest of {}?", min), ("What is the smallest number in {}?", min),
    ("Maximum of {}?", max), ("Minimum of {}?", min), ("Find the maximum of {}.", max), ("Find the smallest of {}.", min), ("Which number is the biggest: {}?", max),
    ("Find the largest of {}.", max), ("What is the biggest number in {}?", max),
]
COUNT_WORDS = [
    "How many words are in this list: {}", "How many items are in: {}", "Count the words: {}", "How many things are listed: {}", "Count the items: {}",
    "How many entries does this list have: {}", "How many words does this list have: {}",
]
SPELL = ["Spell {}.", "Spell the word {}.", "How do you spell {}?", "spell {}", 'Can you spell "{}"?', "Please spell {} for me.", "What is the spelling of {}?", "Tell me how to spell {}.", "Please spell the word {}."]
LETTERS = ["How many letters are in {}?", "How many letters does the word {} have?", 'Count the letters in "{}".', "Number of letters in {}?", "How many letters has {}?"]
EDGES = [
    ("What is the first letter of {}?", 0), ("Which letter does {} start with?", 0), ("What is the last letter of {}?", -1), ("Which letter does {} end with?", -1),
    ("First letter of {}?", 0), ("Last letter of {}?", -1), ("With which letter does {} begin?", 0), ("Name the last letter of {}.", -1),
]
MEMBERS = [
    ("What is the first word in this list: {}", 0), ("What is the last word in this list: {}", -1), ("First item of {}?", 0), ("Last item of {}?", -1),
    ("Which word comes first: {}", 0), ("Which word comes last in: {}", -1),
]


def sorting(random: Random, split: str) -> Example:
    kind = random.random()
    if kind < 0.75:
        top = random.choice([10, 50, 100])
        _, *numbers = draw(random, split, lambda r: ("sort", *r.sample(range(top), r.randint(3, 5))))
        shown = random.choice([", ", ", ", " "]).join(map(str, numbers))
        is_up = kind < 0.5
        question = pick(random, UP if is_up else DOWN, split).format(shown)
        return ask("sorting", question, ", ".join(map(str, sorted(numbers, reverse=not is_up))))
    _, *words = draw(random, split, lambda r: ("words", *_differing(r, r.randint(3, 4))))
    return ask("sorting", pick(random, ALPHABET, split).format(", ".join(words)), ", ".join(sorted(words)))


def listed(random: Random, split: str) -> Example:
    kind = random.random()
    if kind < 0.4:
        text, choose = pick(random, BEST, split)
        _, *numbers = draw(random, split, lambda r: ("best", *r.sample(range(100), r.randint(3, 5))))
        return ask("counting and lists", text.format(", ".join(map(str, numbers))), f"{choose(numbers)}.")
    words = random.sample(WORDS, random.randint(2, 8 if kind < 0.7 else 5))
    if kind < 0.7:
        return ask("counting and lists", pick(random, COUNT_WORDS, split).format(", ".join(words)), f"{len(words)}.")
    text, position = pick(random, MEMBERS, split)
    return ask("counting and lists", text.format(", ".join(words)), f"{words[position].capitalize()}.")


def spelling(random: Random, split: str) -> Example:
    word = random.choice(WORDS)
    kind = random.random()
    if kind < 0.5:
        return ask("spelling", pick(random, SPELL, split).format(word), "-".join(word.upper()))
    if kind < 0.75:
        return ask("spelling", pick(random, LETTERS, split).format(word), f"{len(word)}.")
    text, position = pick(random, EDGES, split)
    return ask("spelling", text.format(word), f"{word[position].upper()}.")


def _differing(random: Random, count: int) -> list[str]:
    """Words with different first letters: which comes first can then be seen."""
    letters = random.sample(sorted({word[0] for word in WORDS}), count)
    return [random.choice([word for word in WORDS if word[0] == letter]) for letter in letters]
