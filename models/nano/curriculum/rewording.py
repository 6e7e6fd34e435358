"""Words of a question that mean the same, exchanged in lessons so that few phrasings stand for many.

Only the frame of a question is reworded, before numbers, names and texts are put into it.
"""

import re
from random import Random

# Each line says the same. What begins with a capital stands at the beginning of a sentence.
ALIKE = [
    ["What is", "What's", "Tell me", "Do you know"],
    ["Which is", "What is", "Name", "Tell me"],
    ["Tell me", "Say", "Let me know"],
    ["Give me", "Write", "Show me", "I want", "I need"],
    ["Name", "Give", "Say", "Write down"],
    ["Please", "Kindly", "Now", "Quickly"],
    ["Can you", "Could you", "Will you", "Would you"],
    ["Calculate", "Compute", "Work out", "Solve"],
    ["calculate", "compute", "work out", "solve"],
    ["Sort these", "Order these", "Arrange these", "Rank these"],
    ["Sort the", "Order the", "Arrange the", "Rank the"],
    ["sort", "order", "arrange", "rank"],
    ["Sort {}", "Order {}", "Arrange {}", "Rank {}"],
    ["in ascending order", "from small to large", "from low to high", "from the smallest to the largest", "upwards", "smallest first", "lowest first"],
    ["in descending order", "from large to small", "from high to low", "from the largest to the smallest", "downwards", "largest first", "highest first"],
    ["alphabetically", "from A to Z", "in alphabetical order", "by the alphabet", "A first"],
    ["larger", "bigger", "greater"],
    ["largest", "biggest", "greatest"],
    ["smallest", "lowest", "least"],
    ["smaller", "littler", "tinier"],
    ["less", "smaller", "lower"],
    ["text", "sentence", "message", "passage", "following"],
    ["Text:", "Sentence:", "Message:", "Input:", "Passage:"],
    ["review", "comment", "text", "opinion"],
    ["topic", "subject", "theme", "category", "field"],
    ["Topic", "Subject", "Theme", "Category"],
    ["sentiment", "mood", "tone", "feeling"],
    ["Sentiment", "Mood", "Tone", "Feeling"],
    ["Label", "Classify", "Judge", "Tag"],
    ["in one word", "with one word", "in a single word", "using one word"],
    ["Is it true that", "Is it right that", "Is it a fact that", "Would it be true that"],
    ["Do you think", "Would you say", "Would you think", "Do you believe"],
    ["Say whether", "Tell me whether", "Decide whether", "Tell me if"],
    ["Extract", "Pull out", "Get"],
    ["as JSON", "in JSON", "as a JSON object", "in JSON form"],
    ["Return JSON", "Write JSON", "Answer in JSON", "Make JSON"],
    ["abbreviation", "acronym", "short form"],
    ["stand for", "mean", "spell out as"],
    ["stands for", "means", "is short for"],
    ["Which month", "What month"],
    ["Which day", "What day"],
    ["Which letter", "What letter"],
    ["comes after", "follows", "is after", "is next after"],
    ["comes before", "is before", "is just before", "goes before"],
    ["Convert", "Change", "Exchange"],
    ["Spell", "Write out", "Give the letters of"],
    ["How many", "What number of"],
    ["Count", "Count up", "Tell me the number of"],
    ["Define", "Explain", "Describe"],
]
# Chance that a place where words could be exchanged is.
CHANCE = 0.6
_GROUPS = {}
for _group in ALIKE:
    for _words in _group:
        _GROUPS.setdefault(_words, []).append(_group)
# A name in braces is no word; the longest comes first.
_PLACE = re.compile(r"(?<![\w{])(" + "|".join(sorted(map(re.escape, _GROUPS), key=len, reverse=True)) + r")(?![\w}])")


def reworded(random: Random, frame: str) -> str:
    """The frame with some of its words exchanged for others that mean the same."""

    def exchanged(found: re.Match) -> str:
        words = found.group(1)
        return random.choice(random.choice(_GROUPS[words])) if random.random() < CHANCE else words

    return _PLACE.sub(exchanged, frame)
