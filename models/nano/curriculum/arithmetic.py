"""Sums, differences, products, quotients and shares, in digits and in words, bare, with units and in little stories.

Answers repeat the sum and show their steps: a small model writes down what it cannot hold in mind.
"""

from random import Random

from .example import HELD_OUT, HELD_OUT_SHARE, TRAIN, Example, ask, draw, is_held_out, pick
from .tables import FIRST_NAMES, ITEMS, UNITS

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
FRAMES = [
    "What is {}?", "{}", "{} = ?", "{}=", "Calculate {}.", "How much is {}?", "Compute {}", "what's {}", "{}?",
    "Work out {}.", "Can you tell me what {} is?", "Give me the result of {}.", "{} is what?", "Please solve {}.",
    "What do you get for {}?", "What does {} equal?", "I need the answer to {}.", "Could you calculate {} for me?",
    "Solve {}", "Tell me {}.", "{} equals?", "Find {}.", "Evaluate {}.",
    "What is the result of {}?", "Can you solve {}?", "Please calculate {}.", "How much do you get for {}?", "Tell me what {} is.",
]
SIGNS = {
    "+": [" + ", "+", " plus ", " and ", " added to "],
    "-": [" - ", "-", " minus ", " take away ", " less "],
    "x": [" x ", " * ", "*", " times ", " multiplied by ", "x"],
    "/": [" / ", "/", " divided by ", " over "],
}


def in_words(number: int) -> str:
    """English name of a number from 0 to 999."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    rest = f" and {in_words(number % 100)}" if number % 100 else ""
    return f"{ONES[number // 100]} hundred{rest}"


def worked(sign: str, left: int, right: int) -> str:
    """The answer, with the steps that two numbers of two digits or more need: each step is small enough to be known."""
    steps = {"+": _sum_steps, "-": _difference_steps, "x": _product_steps, "/": lambda a, b: [str(a // b)]}[sign](left, right)
    return " = ".join([f"{left} {sign} {right}", *steps])


def _sum_steps(left: int, right: int) -> list[str]:
    """Hundreds, tens and ones apart, then together: `14 + 58 = 60 + 12 = 72`."""
    parts = [left // 100 * 100 + right // 100 * 100, left // 10 % 10 * 10 + right // 10 % 10 * 10, left % 10 + right % 10]
    return _together([part for part in parts if part > 0] if min(left, right) >= 10 else [left + right])


def _difference_steps(left: int, right: int) -> list[str]:
    """The largest place is taken away first: `52 - 44 = 12 - 4 = 8`."""
    place = 100 if right >= 100 else 10
    if right < 10 or right % place == 0:
        return [str(left - right)]
    left, right = left - right // place * place, right % place
    return [f"{left} - {right}", *_difference_steps(left, right)]


def _product_steps(left: int, right: int) -> list[str]:
    """Place by place: `42 x 23 = 800 + 120 + 40 + 6 = 920 + 46 = 966`. Up to 12 the table is known."""
    if max(left, right) <= 12:
        return [str(left * right)]
    if left < 10:
        left, right = right, left
    return _together([a * b for a in (left // 10 * 10, left % 10) for b in (right // 10 * 10, right % 10) if a * b > 0] or [0])


def _together(parts: list[int]) -> list[str]:
    """Four parts by twos and then all; one part is the answer."""
    shown = [" + ".join(map(str, parts))]
    if len(parts) == 4:
        shown.append(f"{parts[0] + parts[1]} + {parts[2] + parts[3]}")
    return shown if len(parts) == 1 else [*shown, str(sum(parts))]


def two_digits(random: Random, split: str) -> Example:
    sign, left, right = draw_sum(random, split)
    return ask("arithmetic, two digits", _question(random, split, sign, left, right), worked(sign, left, right))


def three_digits(random: Random, split: str) -> Example:
    sign, left, right = draw(random, split, _three_digits)
    return ask("arithmetic, three digits", _question(random, split, sign, left, right), worked(sign, left, right))


def worded(random: Random, split: str) -> Example:
    sign, left, right = draw_sum(random, split)
    signs = {"+": " plus ", "-": " minus ", "x": " times ", "/": " divided by "}
    question = pick(random, FRAMES, split).format(in_words(left) + signs[sign] + in_words(right))
    return ask("arithmetic in words", question, worked(sign, left, right))


def with_units(random: Random, split: str) -> Example:
    sign, left, right = draw(random, split, _sum_or_difference)
    unit = random.choice(UNITS)
    joined = f"{left} {unit}{random.choice(SIGNS[sign][:3])}{right} {unit}"
    answer = f"{worked(sign, left, right)} {unit}"
    return ask("arithmetic with units and stories", pick(random, FRAMES, split).format(joined), answer)


STORIES = [
    ("+", "{name} has {a} {items} and buys {b} more. How many {items} does {name} have now?"),
    ("-", "{name} has {a} {items} and gives away {b}. How many {items} are left?"),
    ("+", "There are {a} {items} in one box and {b} in another. How many {items} are there in total?"),
    ("-", "{name} had {a} {items}. {name} lost {b} of them. How many are left?"),
    ("x", "A box holds {b} {items}. How many {items} are in {a} boxes?"),
    ("+", "{name} finds {a} {items} and then {b} {items}. How many {items} is that together?"),
    ("-", "Of {a} {items}, {b} were sold. How many {items} remain?"),
    ("x", "{name} buys {a} bags with {b} {items} each. How many {items} is that?"),
    ("-", "{name} bakes {a} {items} and eats {b}. How many {items} remain?"),
    ("+", "{name} owns {a} {items} and gets {b} more. How many {items} does {name} own?"),
    ("x", "{a} friends have {b} {items} each. How many {items} do they have in total?"),
    ("+", "{name} has {a} {items} and finds {b} more. How many {items} does {name} have now?"),
    ("x", "There are {b} {items} in each box. How many {items} are in {a} boxes?"),
]


def story(random: Random, split: str) -> Example:
    sign, text = pick(random, STORIES, split)
    least, most = (2, 12) if sign == "x" else (2, 50)
    right_most = most if sign != "-" else None

    def make(r: Random) -> tuple[str, int, int]:
        left = r.randint(least + 1, most)
        return sign, left, r.randint(least, right_most or left - 1)

    _, left, right = draw(random, split, make)
    items = random.choice(ITEMS)
    question = text.format(name=random.choice(FIRST_NAMES), a=left, b=right, items=items)
    return ask("arithmetic with units and stories", question, f"{worked(sign, left, right)} {items}")


PERCENT = [
    "What is {p}% of {n}?", "{p}% of {n}", "How much is {p} percent of {n}?", "Calculate {p}% of {n}.",
    "what's {p} percent of {n}", "Find {p}% of {n}.", "Give me {p}% of {n}.",
]
DOUBLES = [
    ("What is double {n}?", 2), ("Double {n}.", 2), ("What is half of {n}?", -2), ("Half of {n}?", -2),
    ("What is twice {n}?", 2), ("Triple {n}.", 3), ("What is {n} squared?", 0), ("Square of {n}?", 0),
    ("Divide {n} by two.", -2), ("What is three times {n}?", 3), ("How much is half of {n}?", -2), ("Twice {n}?", 2),
]


def shares(random: Random, split: str) -> Example:
    if random.random() < 0.5:
        _, percent, number = draw(
            random, split, lambda r: ("percent", r.choice([10, 20, 25, 50]), r.randint(1, 20) * 20)
        )
        question = pick(random, PERCENT, split).format(p=percent, n=number)
        return ask("percentages, halves and doubles", question, f"{percent}% of {number} = {percent * number // 100}")
    text, factor = pick(random, DOUBLES, split)
    if factor == 0:
        number = random.randint(1, 12)
        return ask("percentages, halves and doubles", text.format(n=number), f"{number} x {number} = {number**2}")
    if factor < 0:
        _, number, _ = draw(random, split, lambda r: ("/", 2 * r.randint(1, 50), 2))
        return ask("percentages, halves and doubles", text.format(n=number), f"{number} / 2 = {number // 2}")
    _, number, _ = draw(random, split, lambda r: ("x", r.randint(1, 50), factor))
    return ask("percentages, halves and doubles", text.format(n=number), worked("x", number, factor))


def draw_sum(random: Random, split: str) -> tuple[str, int, int]:
    """A sum of the split. The tables up to 12 are facts: they are taught whole, and examined in wordings that were not."""
    while True:
        drawn = _any_sum(random)
        sign, left, right = drawn
        if sign == "/" or max(left, right) <= 12:
            if split == TRAIN or random.random() < HELD_OUT_SHARE:
                return drawn
        elif is_held_out(*drawn) == (split == HELD_OUT):
            return drawn


def _any_sum(random: Random) -> tuple[str, int, int]:
    """Sign and operands of up to two digits; nothing below zero and no remainder."""
    sign = random.choice("++--xxx/")
    if sign == "/":
        right, quotient = random.randint(2, 12), random.randint(1, 12)
        return sign, right * quotient, right
    if sign == "x" and random.random() < 0.5:
        return sign, random.randint(0, 99), random.randint(0, 12)
    left, right = (random.randint(0, 99) if random.random() < 0.8 else random.randint(0, 12) for _ in range(2))
    return sign, *((max(left, right), min(left, right)) if sign == "-" else (left, right))


def _sum_or_difference(random: Random) -> tuple[str, int, int]:
    left, right = random.randint(1, 99), random.randint(1, 99)
    return random.choice([("+", left, right), ("-", max(left, right), min(left, right))])


def _three_digits(random: Random) -> tuple[str, int, int]:
    left, right = random.randint(100, 999), random.randint(1, 999) if random.random() < 0.7 else random.randint(1, 99)
    if random.random() < 0.5:
        return "-", max(left, right), min(left, right)
    return "+", *random.sample([left, right], 2)


def _question(random: Random, split: str, sign: str, left: int, right: int) -> str:
    signs = SIGNS[sign] if split == HELD_OUT else SIGNS[sign] + SIGNS[sign][:2]
    return pick(random, FRAMES, split).format(f"{left}{random.choice(signs)}{right}")
