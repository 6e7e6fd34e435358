"""Saying the same in other words, mending small mistakes, and short definitions."""

from random import Random

from .example import Example, ask, pick

WISHES = (
    "send me the file,open the window,close the door,call me tomorrow,help me with this,pass the salt,wait a moment,tell me your name,"
    "show me the way,bring the report,answer my question,check the numbers,give me a minute,read this page,come to my office,turn off the light,"
    "sign the form,reply by Friday,share the link,book a table"
).split(",")
POLITE = ["Make this polite: {}.", "Say this politely: {}.", 'Rephrase politely: "{}"', "How can I say this more politely: {}", "Make it polite: {}", "Turn this into a polite request: {}"]
CONTRACTIONS = {
    "I'm": "I am", "you're": "you are", "it's": "it is", "we're": "we are", "they're": "they are", "don't": "do not", "can't": "cannot",
    "won't": "will not", "isn't": "is not", "didn't": "did not", "I'll": "I will", "we'll": "we will",
}
CONTRACTED = [
    "{} tired today", "{} late again", "{} ready to go", "{} at home now", "{} sure about it", "{} happy with the plan", "{} here", "{} in the office",
]
FORMAL = ["Write this without contractions: {}.", "Expand the contraction: {}.", "Make this formal: {}.", "Rewrite formally: {}.", "Say it without the short form: {}."]
SYNONYMS = (
    "happy:glad,big:large,small:little,fast:quick,smart:clever,begin:start,end:finish,buy:purchase,help:assist,angry:mad,"
    "beautiful:pretty,difficult:hard,rich:wealthy,sad:unhappy,tired:sleepy,scared:afraid,strange:odd,quiet:silent,correct:right,answer:reply,"
    "choose:pick,shut:close,gift:present,ill:sick,speak:talk"
)
SYNONYM = ["What is a synonym of {}?", "Synonym for {}?", "Give me another word for {}.", "What is another word for {}?", "Name a word that means {}.", "Which word means the same as {}?"]
TYPOS = (
    "teh:the,recieve:receive,adress:address,wich:which,freind:friend,tommorow:tomorrow,becuase:because,seperate:separate,definately:definitely,"
    "untill:until,beleive:believe,goverment:government,occured:occurred,wierd:weird,langauge:language,neccessary:necessary,begining:beginning,"
    "writting:writing,tomatos:tomatoes,calender:calendar,acheive:achieve,truely:truly,enviroment:environment,libary:library,suprise:surprise"
)
TYPO = ["Correct the spelling: {}", "Fix the typo: {}", "What is the correct spelling of {}?", "Correct this word: {}", "How is {} spelled correctly?", "Fix this spelling mistake: {}"]
SUBJECTS = "the cat,the dog,my brother,our teacher,the old man,the girl,her friend,the student,the farmer,his mother".split(",")
DEEDS = "sleeps:slept,eats:ate,runs:ran,sings:sang,reads a book:read a book,walks home:walked home,plays outside:played outside,drinks water:drank water,writes a letter:wrote a letter,goes to school:went to school,buys bread:bought bread,sees a bird:saw a bird".split(",")
TENSE = ["Put this into the past tense: {}.", "Write in the past tense: {}.", "Change to past tense: {}.", "Past tense of this sentence: {}.", "Turn this sentence into the past: {}."]
CASES = [("Write in capital letters: {}", str.upper), ("Make this uppercase: {}", str.upper), ("Write in lowercase: {}", str.lower), ("Make this lowercase: {}", str.lower), ("Change to uppercase: {}", str.upper), ("Put this in lowercase: {}", str.lower)]
CASE_WORDS = "hello good stop yes no open sale free news red blue happy new now wait go help cat dog sun".split()
REPEAT = ["Repeat after me: {}", "Say this: {}", "Repeat: {}", "Just say {}", "Say exactly this: {}", "Repeat this sentence: {}", "Please repeat: {}"]

DEFINITIONS = {
    "triangle": "A triangle is a shape with three sides.", "square": "A square is a shape with four equal sides.", "circle": "A circle is a round shape.",
    "island": "An island is land with water all around it.", "volcano": "A volcano is a mountain that can throw out hot rock.",
    "doctor": "A doctor is a person who treats sick people.", "teacher": "A teacher is a person who helps others learn.", "library": "A library is a place where books are kept.",
    "hospital": "A hospital is a place where sick people are treated.", "bakery": "A bakery is a place where bread is made.", "planet": "A planet is a large body that moves around a star.",
    "star": "A star is a huge ball of hot gas in space.", "desert": "A desert is a very dry place.", "river": "A river is a long stream of water.", "mountain": "A mountain is very high land.",
    "verb": "A verb is a word for doing or being.", "noun": "A noun is a word for a person, a place or a thing.", "adjective": "An adjective is a word that describes a noun.",
    "computer": "A computer is a machine that works with data.", "robot": "A robot is a machine that can do work by itself.", "keyboard": "A keyboard is used to type letters.",
    "dictionary": "A dictionary is a book that explains words.", "map": "A map is a drawing that shows where places are.", "clock": "A clock shows the time.", "umbrella": "An umbrella keeps you dry in the rain.",
    "vegetable": "A vegetable is a plant that people eat.", "mammal": "A mammal is an animal that feeds its young with milk.", "insect": "An insect is a small animal with six legs.",
    "bird": "A bird is an animal with feathers and wings.", "fish": "A fish is an animal that lives in water.", "forest": "A forest is a place with many trees.", "ocean": "An ocean is a very large body of salt water.",
    "winter": "Winter is the coldest season of the year.", "summer": "Summer is the warmest season of the year.", "decade": "A decade is ten years.", "century": "A century is one hundred years.",
    "democracy": "A democracy is a country whose people choose the government.", "museum": "A museum is a place that shows art or old things.", "password": "A password is a secret word that lets you in.",
    "website": "A website is a set of pages on the internet.", "email": "Email is a message sent by computer.", "passport": "A passport is a document for travel to other countries.", "thermometer": "A thermometer measures temperature.",
    "bicycle": "A bicycle is a vehicle with two wheels.", "recipe": "A recipe tells you how to cook a dish.", "prime number": "A prime number can only be divided by one and itself.",
    "fraction": "A fraction is a part of a whole.", "orchard": "An orchard is a place where fruit trees grow.", "pilot": "A pilot is a person who flies planes.", "chef": "A chef is a person who cooks for others.",
    "even number": "An even number can be divided by two.", "synonym": "A synonym is a word with the same meaning.", "antonym": "An antonym is a word with the opposite meaning.", "budget": "A budget is a plan for money.",
    "token": "A token is a piece of text that a language model reads.", "language model": "A language model is a program that writes text one token at a time.",
    "router": "A router sends each request to the right place.", "cache": "A cache keeps answers so that they can be used again.",
}
DEFINE = ["What is {a}?", "Define {n}.", "What does {n} mean?", "Explain in one sentence what {a} is.", "What's {a}?", "Give a short definition of {n}.", "Tell me what {a} is.", "Define the word {n}.", "Please define {n} in one sentence.", "Can you say what {a} is?"]
WITHOUT_ARTICLE = {"winter", "summer", "email", "democracy"}


def rephrasing(random: Random, split: str) -> Example:
    return random.choice([_polite, _formal, _typo, _tense, _case, _repeat, _synonym])(random, split)


def definition(random: Random, split: str) -> Example:
    name = random.choice(list(DEFINITIONS))
    article = "" if name in WITHOUT_ARTICLE else "an " if name[0] in "aeiou" else "a "
    return ask("definitions", pick(random, DEFINE, split).format(a=article + name, n=name), DEFINITIONS[name])


def _polite(random: Random, split: str) -> Example:
    wish = random.choice(WISHES)
    shown = wish.capitalize() if random.random() < 0.5 else wish
    return ask("rephrasing", pick(random, POLITE, split).format(shown), f"Could you please {wish}?")


def _formal(random: Random, split: str) -> Example:
    short = random.choice([word for word in CONTRACTIONS if word.split("'")[-1] in ("m", "re", "s")])
    rest = random.choice(CONTRACTED)
    full = rest.format(CONTRACTIONS[short])
    shown = rest.format(short)
    return ask("rephrasing", pick(random, FORMAL, split).format(shown), f"{full[0].upper()}{full[1:]}.")


def _typo(random: Random, split: str) -> Example:
    wrong, right = random.choice(TYPOS.split(",")).split(":")
    return ask("rephrasing", pick(random, TYPO, split).format(wrong), f"{right.capitalize()}.")


def _tense(random: Random, split: str) -> Example:
    subject = random.choice(SUBJECTS)
    now, then = random.choice(DEEDS).split(":")
    text = f"{subject[0].upper()}{subject[1:]}"
    return ask("rephrasing", pick(random, TENSE, split).format(f"{text} {now}"), f"{text} {then}.")


def _case(random: Random, split: str) -> Example:
    text, change = pick(random, CASES, split)
    words = " ".join(random.sample(CASE_WORDS, random.randint(1, 3)))
    shown = words if change is str.upper else words.upper()
    return ask("rephrasing", text.format(shown), change(shown))


def _repeat(random: Random, split: str) -> Example:
    subject = random.choice(SUBJECTS)
    words = f"{subject} {random.choice(DEEDS).split(':')[random.randint(0, 1)]}"
    return ask("rephrasing", pick(random, REPEAT, split).format(words), words)


def _synonym(random: Random, split: str) -> Example:
    word, other = random.choice(SYNONYMS.split(",")).split(":")
    return ask("rephrasing", pick(random, SYNONYM, split).format(word), f"{other.capitalize()}.")
