"""Greetings, thanks, who-are-you, and conversations of several turns."""

from random import Random

from .arithmetic import worked
from .example import TRAIN, Example, Message, ask, assistant, draw, pick, user
from .facts import CAPITALS, sentence
from .tables import any_city, any_name

IDENTITY = "I am rightsize-nano, a tiny model that runs on your own computer."
ABILITIES = "I can do small sums, tell simple facts, label short texts and extract fields. For more I hand over to a larger model."
SMALL_TALK = [
    ("Hello! How can I help you?", ["hello", "hi", "hey", "Hello!", "Hi there!", "Hey there", "hello there", "Hi!", "Hey!", "greetings", "Hello, nice to meet you.", "Howdy!", "hi bot", "Hello hello", "Hey, hello!", "Hi hi!"]),
    ("Good morning! How can I help you?", ["good morning", "Good morning!", "morning!", "Good morning to you", "A very good morning!"]),
    ("Good evening! How can I help you?", ["good evening", "Good evening!", "evening!", "Good evening to you", "A very good evening!"]),
    ("Good night! Sleep well.", ["good night", "Good night!", "I am going to bed, good night.", "night night", "Have a good night!"]),
    ("I am fine, thank you. How can I help you?", ["How are you?", "how are you doing", "How is it going?", "how do you do?", "Are you well?", "How are you today?", "What's up?", "How do you feel?"]),
    ("You are welcome!", ["thanks", "Thank you!", "thank you very much", "Thanks a lot!", "thx", "Many thanks.", "Thanks for your help!", "Great, thanks!", "Perfect, thank you.", "Thanks, perfect!", "Thank you for your help."]),
    ("Goodbye! Have a nice day.", ["bye", "Goodbye!", "see you later", "Bye bye!", "See you!", "I have to go, bye.", "Farewell!", "Goodbye then", "Bye, see you!"]),
    (IDENTITY, ["Who are you?", "What are you?", "who are you", "What is your name?", "Are you a robot?", "Tell me about yourself.", "Introduce yourself.", "What model are you?", "What is your name", "Are you human?", "Who am I talking to?", "Which model is this?", "Which model are you?", "Tell me who you are.", "What is this model?"]),
    (ABILITIES, ["What can you do?", "How can you help me?", "what can you do", "What are you good at?", "What are your abilities?", "Help", "What do you know?", "What kind of questions can you answer?", "Hey, what can you do?", "Tell me what you can do."]),
    ("I was trained by the makers of Rightsize.", ["Who made you?", "Who created you?", "Who trained you?", "who built you", "Who is your creator?", "Who developed you?", "Where do you come from?", "Tell me who made you."]),
    ("Yes, I am here.", ["Are you there?", "Hello? Anyone there?", "are you online", "Do you hear me?", "Is anybody there?", "Hello, are you there?"]),
    ("I am glad to hear that!", ["I am happy today.", "I feel great!", "I had a good day.", "I passed my exam!", "Today was a wonderful day.", "I am feeling good.", "I feel happy."]),
    ("I am sad to hear that. I hope it gets better soon.", ["I am sad.", "I feel bad today.", "I had a bad day.", "I am tired and sad.", "I feel lonely.", "Today was a terrible day.", "I feel sad."]),
    ("Okay.", ["ok", "okay", "Alright.", "I see.", "Sure.", "Fine.", "Okay, I see."]),
    ("No problem.", ["sorry", "I am sorry.", "Sorry about that.", "My mistake.", "Oops, sorry!", "I am so sorry."]),
    ("Test received.", ["test", "This is a test.", "testing", "Just a test", "ping", "testing 1 2 3", "Test, test."]),
]


def small_talk(random: Random, split: str) -> Example:
    answer, prompts = random.choice(SMALL_TALK)
    return ask("greetings and small talk", pick(random, prompts, split), answer)


INTRODUCTIONS = ["My name is {n}.", "I am {n}.", "Hi, I'm {n}.", "Call me {n}.", "Hello, my name is {n}.", "People call me {n}."]
NAME_QUESTIONS = ["What is my name?", "Do you remember my name?", "what's my name", "Who am I?", "Can you say my name?", "Tell me my name."]
HOMES = ["I live in {c}.", "My home is {c}.", "I am from {c}.", "I come from {c}.", "I moved to {c}."]
HOME_QUESTIONS = ["Where do I live?", "Where am I from?", "What is my city?", "Which city do I live in?", "Where is my home?"]
FOLLOW_UPS = ["And of {}?", "And {}?", "What about {}?", "and the capital of {}?", "How about {}?", "And for {}?"]
LIKES = "pizza music football tea coffee books cats dogs chess painting cooking hiking tennis chocolate pasta".split()
MORE = [("Plus {}?", "+"), ("And plus {}?", "+"), ("Minus {}?", "-"), ("Now add {}.", "+"), ("Add {} to that.", "+"), ("Now subtract {}.", "-"), ("Take away {}.", "-")]


def several_turns(random: Random, split: str) -> Example:
    return Example("two and three turns", random.choice([_name, _home, _liking, _capitals, _capitals, _sums, _sums])(random, split))


def _name(random: Random, split: str) -> list[Message]:
    name = any_name(random)
    turns = [user(pick(random, INTRODUCTIONS, split).format(n=name)), assistant(f"Nice to meet you, {name}!")]
    if random.random() < 0.4:
        answer, prompts = random.choice(SMALL_TALK[:6])
        turns += [user(pick(random, prompts, split)), assistant(answer)]
    return [*turns, user(pick(random, NAME_QUESTIONS, split)), assistant(f"Your name is {name}.")]


def _home(random: Random, split: str) -> list[Message]:
    city = any_city(random)
    return [
        user(pick(random, HOMES, split).format(c=city)), assistant(f"{city} sounds nice!"),
        user(pick(random, HOME_QUESTIONS, split)), assistant(f"You live in {city}."),
    ]


def _liking(random: Random, split: str) -> list[Message]:
    thing = random.choice(LIKES)
    asked = pick(random, ["What do I like?", "What did I say I like?", "Do you remember what I like?", "Tell me what I like."], split)
    told = pick(random, [f"I like {thing}.", f"I love {thing}.", f"I really like {thing}.", f"I enjoy {thing}.", f"I like {thing} a lot."], split)
    return [user(told), assistant(f"{thing.capitalize()} is a good choice!"), user(asked), assistant(f"You like {thing}.")]


def _capitals(random: Random, split: str) -> list[Message]:
    first, *others = random.sample(list(CAPITALS), random.randint(2, 3))
    turns = [user(random.choice(["What is the capital of {}?", "capital of {}?", "What's the capital of {}?"]).format(first)), assistant(sentence(CAPITALS[first]))]
    for country in others:
        turns += [user(pick(random, FOLLOW_UPS, split).format(country)), assistant(sentence(CAPITALS[country]))]
    return turns


def _sums(random: Random, split: str) -> list[Message]:
    _, total, added = draw(random, TRAIN, lambda r: ("+", r.randint(1, 99), r.randint(1, 99)))
    turns = [user(random.choice(["What is {} + {}?", "{} + {}", "{} plus {}?"]).format(total, added)), assistant(worked("+", total, added))]
    total += added
    for _ in range(random.randint(1, 2)):
        text, sign = pick(random, MORE, split)
        _, _, number = draw(random, split, lambda r: (sign, total, r.randint(1, min(total, 50))))  # noqa: B023
        result = total + number if sign == "+" else total - number
        turns += [user(text.format(number)), assistant(worked(sign, total, number))]
        total = result
        if total < 1:
            break
    return turns
