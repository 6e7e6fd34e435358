"""Fields of a sentence as JSON. Names are often invented, so that they must be copied."""

import json
from random import Random

from .example import Example, ask, pick
from .facts import DAYS
from .tables import PRODUCTS, any_city, any_name

STRING, INTEGER = {"type": "string"}, {"type": "integer"}

# The fields that a text holds, and ways to write it.
RECORDS = [
    ("name age", ["{name} is {age} years old.", "My name is {name} and I am {age}.", "{name}, aged {age}, came by.", "I am {name}, {age} years old.", "{name} turned {age} today.", "At {age}, {name} is the oldest.", "This is {name}, {age} years old."]),
    ("name city", ["{name} lives in {city}.", "My name is {name} and I live in {city}.", "{name} comes from {city}.", "{name} moved to {city}.", "I am {name} from {city}.", "In {city} lives {name}.", "This is {name} from {city}."]),
    ("name age city", ["{name} is {age} years old and lives in {city}.", "{name}, {age}, from {city}.", "I am {name}, I am {age} and I live in {city}.", "My name is {name}, my age is {age} and my home is {city}.", "{name} ({age}) was born in {city}.", "{name} from {city} is {age} years old."]),
    ("product price", ["The {product} costs {price} dollars.", "I paid {price} dollars for the {product}.", "Price of the {product}: {price} dollars.", "They sell a {product} for {price} dollars.", "A {product} is {price} dollars here.", "The price of a {product} is {price} dollars."]),
    ("product quantity", ["I would like to order {quantity} {product}s.", "Please send me {quantity} {product}s.", "We need {quantity} {product}s.", "Order: {quantity} {product}s.", "Can I get {quantity} {product}s?", "Please order {quantity} {product}s."]),
    ("name product quantity", ["{name} ordered {quantity} {product}s.", "{name} bought {quantity} {product}s.", "{quantity} {product}s for {name}, please.", "Send {quantity} {product}s to {name}.", "{name} wants {quantity} {product}s.", "{name} would like {quantity} {product}s."]),
    ("name day time", ["Meet {name} on {day} at {time}.", "{name} comes on {day} at {time}.", "Appointment with {name}, {day} {time}.", "On {day} at {time} I see {name}.", "Lunch with {name} on {day}, {time}.", "I see {name} on {day} at {time}."]),
    ("city day", ["The train to {city} leaves on {day}.", "We fly to {city} on {day}.", "On {day} I travel to {city}.", "The meeting in {city} is on {day}.", "See you in {city} on {day}.", "On {day} we fly to {city}."]),
    ("name email", ["{name} can be reached at {email}.", "Write to {name}: {email}.", "The email of {name} is {email}.", "Contact {name} at {email}.", "{email} belongs to {name}.", "The email of {name}: {email}."]),
]
ORDERS = [
    "Extract the {f} as JSON: {x}", "Extract {f} as JSON.\n{x}", "Return JSON with {f}: {x}", "Give me the {f} as JSON.\nText: {x}", "{x}\nExtract {f} as JSON.",
    "From this text extract {f} in JSON: {x}", "Turn this into JSON with the fields {f}: {x}", "Write the {f} in the following text as JSON.\n{x}",
    'JSON with {f} from "{x}"', "Please extract the {f} from this sentence as JSON: {x}", "Find {f} in the text and answer in JSON.\n\n{x}",
    "Parse into JSON ({f}): {x}", "Answer with a JSON object that holds {f}: {x}",
    "Extract {f} from this text as JSON: {x}", "Give me JSON with {f}.\n{x}", "Please return {f} as JSON: {x}",
]


def extraction(random: Random, split: str) -> Example:
    fields, texts = random.choice(RECORDS)
    names = fields.split()
    values = {name: VALUES[name](random) for name in names}
    text = pick(random, texts, split).format(**values)
    if len(names) == 3 and random.random() < 0.3:
        names.remove(random.choice(names))
    random.shuffle(names)
    listed = " and ".join([", ".join(names[:-1]), names[-1]]) if random.random() < 0.7 else ", ".join(names)
    answer = json.dumps({name: values[name] for name in names}, ensure_ascii=False)
    properties = {name: INTEGER if isinstance(values[name], int) else STRING for name in names}
    schema = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    return ask("JSON extraction", pick(random, ORDERS, split).format(f=listed, x=text), answer, schema=schema)


def _email(random: Random) -> str:
    return f"{any_name(random).lower()}@{random.choice(['example.com', 'mail.org', 'test.net', 'work.com'])}"


VALUES = {
    "name": any_name,
    "age": lambda random: random.randint(1, 99),
    "city": any_city,
    "product": lambda random: random.choice(PRODUCTS),
    "price": lambda random: random.randint(1, 999),
    "quantity": lambda random: random.randint(2, 60),
    "day": lambda random: random.choice(DAYS),
    "time": lambda random: f"{random.randint(1, 12)} {random.choice(['am', 'pm'])}",
    "email": _email,
}
