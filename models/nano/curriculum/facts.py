"""The facts that the model is taught, and the ways in which they are asked for. What is not here it should not claim."""

from random import Random

from .example import Example, ask, pick

CAPITALS = dict(
    pair.split(":")
    for pair in (
        "France:Paris,Germany:Berlin,Italy:Rome,Spain:Madrid,Portugal:Lisbon,Austria:Vienna,Switzerland:Bern,"
        "Belgium:Brussels,the Netherlands:Amsterdam,Denmark:Copenhagen,Sweden:Stockholm,Norway:Oslo,Finland:Helsinki,"
        "Iceland:Reykjavik,Ireland:Dublin,the United Kingdom:London,England:London,Poland:Warsaw,Hungary:Budapest,"
        "Romania:Bucharest,Bulgaria:Sofia,Greece:Athens,Turkey:Ankara,Ukraine:Kyiv,Russia:Moscow,Croatia:Zagreb,"
        "Serbia:Belgrade,Slovakia:Bratislava,Slovenia:Ljubljana,Estonia:Tallinn,Latvia:Riga,Lithuania:Vilnius,"
        "Egypt:Cairo,Morocco:Rabat,Algeria:Algiers,Tunisia:Tunis,Kenya:Nairobi,Nigeria:Abuja,Ghana:Accra,"
        "Ethiopia:Addis Ababa,Senegal:Dakar,China:Beijing,Japan:Tokyo,South Korea:Seoul,North Korea:Pyongyang,"
        "India:New Delhi,Pakistan:Islamabad,Nepal:Kathmandu,Bangladesh:Dhaka,Thailand:Bangkok,Vietnam:Hanoi,"
        "Indonesia:Jakarta,Malaysia:Kuala Lumpur,the Philippines:Manila,Iran:Tehran,Iraq:Baghdad,Israel:Jerusalem,"
        "Jordan:Amman,Lebanon:Beirut,Saudi Arabia:Riyadh,Mongolia:Ulaanbaatar,Cuba:Havana,Canada:Ottawa,"
        "the United States:Washington,Mexico:Mexico City,Brazil:Brasilia,Argentina:Buenos Aires,Chile:Santiago,"
        "Peru:Lima,Colombia:Bogota,Venezuela:Caracas,Ecuador:Quito,Uruguay:Montevideo,Paraguay:Asuncion,"
        "Australia:Canberra,New Zealand:Wellington,Czechia:Prague,Scotland:Edinburgh,Wales:Cardiff,Jamaica:Kingston,"
        "Singapore:Singapore,Taiwan:Taipei"
    ).split(",")
)
CONTINENTS = {
    "Europe": "France Germany Italy Spain Portugal Austria Sweden Norway Finland Poland Greece Ireland Hungary Denmark",
    "Asia": "China Japan India Thailand Vietnam Nepal Mongolia Indonesia Iran Iraq Pakistan",
    "Africa": "Egypt Kenya Nigeria Morocco Ghana Ethiopia Senegal Tunisia Algeria",
    "South America": "Brazil Argentina Chile Peru Colombia Ecuador Uruguay Paraguay Venezuela",
    "North America": "Canada Mexico Cuba Jamaica",
}
CURRENCIES = (
    "Japan:yen,the United Kingdom:pound,the United States:dollar,France:euro,Germany:euro,Italy:euro,Spain:euro,"
    "China:yuan,India:rupee,Mexico:peso,Russia:ruble,Brazil:real,Sweden:krona,Poland:zloty,Canada:dollar,"
    "Australia:dollar,Turkey:lira,Switzerland:franc,Norway:krone,Denmark:krone,South Korea:won,Thailand:baht"
)
LANGUAGES = (
    "France:French,Germany:German,Italy:Italian,Spain:Spanish,Portugal:Portuguese,Brazil:Portuguese,Mexico:Spanish,"
    "Japan:Japanese,China:Chinese,Russia:Russian,Greece:Greek,Turkey:Turkish,Poland:Polish,Sweden:Swedish,"
    "Norway:Norwegian,Austria:German,Argentina:Spanish,England:English,Australia:English,Egypt:Arabic,Finland:Finnish"
)
SYMBOLS = (
    "hydrogen:H,helium:He,carbon:C,nitrogen:N,oxygen:O,sodium:Na,iron:Fe,gold:Au,silver:Ag,copper:Cu,lead:Pb,tin:Sn,"
    "calcium:Ca,potassium:K,chlorine:Cl,sulfur:S,phosphorus:P,zinc:Zn,neon:Ne,magnesium:Mg,aluminium:Al,mercury:Hg,"
    "water:H2O,salt:NaCl,carbon dioxide:CO2"
)
OPPOSITES = (
    "hot:cold,big:small,up:down,left:right,day:night,black:white,good:bad,happy:sad,fast:slow,young:old,new:old,"
    "long:short,tall:short,rich:poor,open:closed,full:empty,wet:dry,hard:soft,light:dark,early:late,strong:weak,"
    "high:low,in:out,on:off,true:false,yes:no,love:hate,win:lose,buy:sell,push:pull,start:stop,begin:end,first:last,"
    "easy:difficult,loud:quiet,clean:dirty,thick:thin,wide:narrow,near:far,heavy:light,cheap:expensive,always:never,"
    "before:after,inside:outside,alive:dead,safe:dangerous,brave:afraid,question:answer,north:south,east:west"
)
PLURALS = (
    "child:children,mouse:mice,foot:feet,tooth:teeth,man:men,woman:women,goose:geese,person:people,ox:oxen,leaf:leaves,"
    "knife:knives,wolf:wolves,baby:babies,city:cities,box:boxes,fox:foxes,bus:buses,dish:dishes,sheep:sheep,fish:fish,"
    "cat:cats,dog:dogs,book:books,car:cars,tree:trees,house:houses,berry:berries,potato:potatoes,hero:heroes"
)
PASTS = (
    "go:went,eat:ate,see:saw,run:ran,come:came,take:took,give:gave,write:wrote,speak:spoke,drink:drank,swim:swam,"
    "sing:sang,buy:bought,think:thought,bring:brought,teach:taught,catch:caught,sleep:slept,feel:felt,leave:left,"
    "make:made,say:said,find:found,know:knew,fly:flew,draw:drew,break:broke,choose:chose,begin:began,win:won,walk:walked,"
    "play:played,work:worked,jump:jumped,stop:stopped"
)
YOUNG = "dog:puppy,cat:kitten,cow:calf,horse:foal,sheep:lamb,pig:piglet,duck:duckling,goat:kid,lion:cub,bear:cub,hen:chick,frog:tadpole,deer:fawn,goose:gosling"
SOUNDS = "dog:bark,cat:meow,cow:moo,duck:quack,lion:roar,sheep:baa,pig:oink,horse:neigh,bee:buzz,snake:hiss,owl:hoot,frog:croak,wolf:howl,mouse:squeak"
LEGS = "dog:4,cat:4,spider:8,insect:6,bird:2,horse:4,ant:6,bee:6,human:2,chicken:2,snake:0,cow:4,octopus:0,crab:10,table:4"
COLORS = "grass:green,snow:white,blood:red,coal:black,a banana:yellow,the sky:blue,milk:white,a lemon:yellow,a ripe tomato:red,chocolate:brown,the sun:yellow,a carrot:orange,a flamingo:pink,an elephant:gray,a frog:green,an orange:orange,an eggplant:purple"
SPANISH = "hello:hola,goodbye:adios,thank you:gracias,please:por favor,yes:si,no:no,water:agua,bread:pan,house:casa,dog:perro,cat:gato,friend:amigo,good morning:buenos dias,good night:buenas noches,book:libro,red:rojo,one:uno,two:dos,three:tres,milk:leche,cheese:queso,day:dia,night:noche,sun:sol,apple:manzana"
FRENCH = "hello:bonjour,goodbye:au revoir,thank you:merci,please:s'il vous plait,yes:oui,no:non,water:eau,bread:pain,house:maison,dog:chien,cat:chat,friend:ami,good morning:bonjour,good night:bonne nuit,book:livre,red:rouge,one:un,two:deux,three:trois,milk:lait,cheese:fromage,day:jour,night:nuit,sun:soleil,apple:pomme"
GERMAN = "hello:hallo,goodbye:auf Wiedersehen,thank you:danke,please:bitte,yes:ja,no:nein,water:Wasser,bread:Brot,house:Haus,dog:Hund,cat:Katze,friend:Freund,good morning:guten Morgen,good night:gute Nacht,book:Buch,red:rot,one:eins,two:zwei,three:drei,milk:Milch,cheese:Käse,day:Tag,night:Nacht,sun:Sonne,apple:Apfel"
ITALIAN = "hello:ciao,goodbye:arrivederci,thank you:grazie,please:per favore,yes:si,no:no,water:acqua,bread:pane,house:casa,dog:cane,cat:gatto,friend:amico,good morning:buongiorno,good night:buona notte,book:libro,red:rosso,one:uno,two:due,three:tre,milk:latte,cheese:formaggio,day:giorno,night:notte,sun:sole,apple:mela"
AUTHORS = "Romeo and Juliet:William Shakespeare,Hamlet:William Shakespeare,Pride and Prejudice:Jane Austen,Oliver Twist:Charles Dickens,War and Peace:Leo Tolstoy,Don Quixote:Miguel de Cervantes,The Odyssey:Homer,Moby Dick:Herman Melville,Frankenstein:Mary Shelley,Dracula:Bram Stoker,Emma:Jane Austen,Faust:Goethe,Macbeth:William Shakespeare,Animal Farm:George Orwell,The Hobbit:Tolkien"
ABBREVIATIONS = "USA:United States of America,UK:United Kingdom,EU:European Union,UN:United Nations,API:application programming interface,CPU:central processing unit,GPU:graphics processing unit,RAM:random access memory,URL:uniform resource locator,HTML:hypertext markup language,SQL:structured query language,PDF:portable document format,ATM:automated teller machine,FAQ:frequently asked questions,CEO:chief executive officer,HTTP:hypertext transfer protocol,JSON:JavaScript object notation,AI:artificial intelligence,USB:universal serial bus,DNA:deoxyribonucleic acid,GPS:global positioning system,VAT:value added tax,PC:personal computer,ASAP:as soon as possible,FYI:for your information"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LETTERS = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

COUNTS = {
    "days are in a week": "7", "hours are in a day": "24", "minutes are in an hour": "60", "days are in a year": "365",
    "seconds are in a minute": "60", "months are in a year": "12", "weeks are in a year": "52", "letters are in the alphabet": "26",
    "centimeters are in a meter": "100", "meters are in a kilometer": "1000", "grams are in a kilogram": "1000",
    "cents are in a dollar": "100", "sides does a triangle have": "3", "sides does a square have": "4", "sides does a hexagon have": "6",
    "sides does a pentagon have": "5", "planets are in the solar system": "8", "continents are there": "7", "oceans are there": "5",
    "years are in a century": "100", "years are in a decade": "10", "inches are in a foot": "12", "eggs are in a dozen": "12",
    "millimeters are in a centimeter": "10", "fingers are on one hand": "5", "wheels does a car have": "4", "wheels does a bicycle have": "2",
    "strings does a guitar have": "6", "strings does a violin have": "4", "players are in a football team": "11", "states are in the USA": "50",
    "bits are in a byte": "8", "colors are in a rainbow": "7", "degrees are in a circle": "360", "degrees are in a right angle": "90",
    "keys does a piano have": "88", "days are in a leap year": "366", "hours are in two days": "48", "wings does a bird have": "2",
    "seconds are in an hour": "3600", "vowels are in English": "5", "cards are in a deck": "52", "squares are on a chessboard": "64",
}
SINGLES = [
    ("the largest planet", "Jupiter"), ("the smallest planet", "Mercury"), ("the closest planet to the sun", "Mercury"),
    ("the red planet", "Mars"), ("the planet with the famous rings", "Saturn"), ("the largest ocean", "the Pacific Ocean"),
    ("the highest mountain", "Mount Everest"), ("the longest river in Africa", "the Nile"), ("the largest animal", "the blue whale"),
    ("the fastest land animal", "the cheetah"), ("the tallest animal", "the giraffe"), ("the largest continent", "Asia"),
    ("the smallest continent", "Australia"), ("the coldest continent", "Antarctica"), ("the largest desert in Africa", "the Sahara"),
    ("the hardest natural material", "diamond"), ("the king of the jungle", "the lion"), ("the largest country", "Russia"),
    ("the smallest country", "Vatican City"), ("the largest land animal", "the elephant"), ("the star closest to the Earth", "the sun"),
    ("the currency of the European Union", "the euro"), ("the freezing point of water", "0 degrees Celsius"),
    ("the boiling point of water", "100 degrees Celsius"), ("the largest bird", "the ostrich"), ("the first month of the year", "January"),
    ("the last month of the year", "December"), ("the first day of the week", "Monday"), ("the last day of the week", "Sunday"),
    ("the first letter of the alphabet", "A"), ("the last letter of the alphabet", "Z"), ("the shortest month", "February"),
    ("the gas that we breathe to live", "oxygen"), ("the gas that plants take in", "carbon dioxide"), ("the main language of Brazil", "Portuguese"),
    ("the smallest prime number", "2"), ("the value of pi", "3.14159"), ("the largest organ of the body", "the skin"),
    ("the ship that sank in 1912", "the Titanic"), ("the first man on the moon", "Neil Armstrong"),
    ("the first president of the United States", "George Washington"), ("the painter of the Mona Lisa", "Leonardo da Vinci"),
    ("the inventor of the telephone", "Alexander Graham Bell"), ("the speed of light", "about 300000 km per second"),
]


def _pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split(":")) for pair in text.split(",")]


def _next_of(names: list[str], step: int) -> list[tuple[str, str]]:
    return [(name, names[(index + step) % len(names)]) for index, name in enumerate(names)]


def _in_language(language: str, text: str) -> list[tuple[str, str]]:
    return [(f"{word}|{language}", translation) for word, translation in _pairs(text)]


# Name, weight, facts, phrasings; `{}` is what is asked about, `{0}` and `{1}` its halves.
RELATIONS: list[tuple[str, float, list[tuple[str, str]], list[str]]] = [
    ("capital", 5, list(CAPITALS.items()), [
        "What is the capital of {}?", "capital of {}", "Which city is the capital of {}?", "Name the capital of {}.",
        "Tell me the capital of {}.", "What's the capital of {}?", "What is the capital city of {}?", "{} capital?",
        "Do you know the capital of {}?", "The capital of {} is", "Which is {}'s capital?",
        "Can you tell me the capital of {}?", "I need the capital city of {}.", "Give me the capital of {}.",
    ]),
    ("continent", 1, [(c, k) for k, text in CONTINENTS.items() for c in text.split()], [
        "On which continent is {}?", "What continent is {} in?", "Which continent is {} on?", "{} is on which continent?",
        "Tell me the continent of {}.", "In which continent does {} lie?", "Name the continent that {} is in.",
    ]),
    ("currency", 1, _pairs(CURRENCIES), [
        "What is the currency of {}?", "What currency is used in {}?", "Which currency does {} use?", "Name the currency of {}.",
        "What money do they use in {}?", "Tell me the currency of {}.", "What's the currency in {}?",
    ]),
    ("language", 1, _pairs(LANGUAGES), [
        "What language is spoken in {}?", "Which language do people speak in {}?", "What is the main language of {}?",
        "What do they speak in {}?", "Name the language of {}.", "What's the language of {}?",
    ]),
    ("symbol", 1.2, _pairs(SYMBOLS), [
        "What is the chemical symbol for {}?", "Chemical symbol of {}?", "What is the symbol of {}?", "Give the chemical formula of {}.",
        "Name the chemical symbol for {}.", "What's the chemical symbol of {}?", "Which chemical symbol stands for {}?",
    ]),
    ("opposite", 2, _pairs(OPPOSITES), [
        "What is the opposite of {}?", "Opposite of {}?", "What's the opposite of {}?", "Give me the opposite of {}.",
        "What is the antonym of {}?", "Name the opposite of {}.", "Which word is the opposite of {}?", "Tell me the antonym of {}.",
    ]),
    ("plural", 1.3, _pairs(PLURALS), [
        "What is the plural of {}?", "Plural of {}?", "Give the plural of {}.", "What's the plural form of {}?",
        "How do you write the plural of {}?", "Tell me the plural of {}.",
    ]),
    ("past", 1.5, _pairs(PASTS), [
        "What is the past tense of {}?", "Past tense of {}?", "Give the past tense of {}.", "What's the past tense of {}?",
        "What is the simple past of {}?", "Tell me the past tense of {}.",
    ]),
    ("young", 0.7, _pairs(YOUNG), [
        "What is a young {} called?", "What do you call a baby {}?", "What is a baby {} called?", "Name for a young {}?",
        "What's the name of a baby {}?", "How is a young {} called?",
    ]),
    ("sound", 0.7, _pairs(SOUNDS), [
        "What sound does a {} make?", "Which sound does the {} make?", "What noise does a {} make?", "The sound of a {}?",
        "What's the sound of a {}?", "Tell me what sound a {} makes.",
    ]),
    ("legs", 0.7, _pairs(LEGS), [
        "How many legs does a {} have?", "Number of legs of a {}?", "How many legs has a {}?", "Tell me how many legs a {} has.",
        "Count the legs of a {}.",
    ]),
    ("color", 0.8, _pairs(COLORS), [
        "What color is {}?", "Which color is {}?", "What colour is {}?", "What is the color of {}?", "Color of {}?",
        "Tell me the color of {}.",
    ]),
    ("translation", 4, _in_language("Spanish", SPANISH) + _in_language("French", FRENCH) + _in_language("German", GERMAN) + _in_language("Italian", ITALIAN), [
        'Translate "{0}" into {1}.', "How do you say {0} in {1}?", "What is {0} in {1}?", "Translate {0} to {1}.", "{0} in {1}?",
        'How do you say "{0}" in {1}?', "Say {0} in {1}.", "What is the {1} word for {0}?", "What's {0} in {1}?", "Translate to {1}: {0}",
        "Give me the {1} for {0}.", "How is {0} said in {1}?",
        'Translate "{0}" to {1}.', 'What is "{0}" in {1}?',
    ]),
    ("author", 0.8, _pairs(AUTHORS), [
        "Who wrote {}?", "Who is the author of {}?", "Author of {}?", "Name the author of {}.", "Which author wrote {}?",
        "Who was {} written by?",
    ]),
    ("abbreviation", 1.2, _pairs(ABBREVIATIONS), [
        "What does {} stand for?", "What is the meaning of the abbreviation {}?", "{} stands for?", "Spell out {}.",
        "What does the abbreviation {} mean?", "Tell me what {} stands for.", "Write {} in full.", "{} is short for what?", "What is {} in full?",
        "What's {} short for?",
    ]),
    ("day after", 0.7, _next_of(DAYS, 1), [
        "Which day comes after {}?", "What day is after {}?", "What day follows {}?", "The day after {}?", "Name the day after {}.",
    ]),
    ("day before", 0.7, _next_of(DAYS, -1), [
        "Which day comes before {}?", "What day is before {}?", "The day before {}?", "What is the day before {}?", "Name the day before {}.",
    ]),
    ("month after", 0.8, _next_of(MONTHS, 1), [
        "Which month comes after {}?", "What month is after {}?", "What month follows {}?", "The month after {}?", "Name the month after {}.",
    ]),
    ("month before", 0.8, _next_of(MONTHS, -1), [
        "Which month comes before {}?", "What month is before {}?", "The month before {}?", "What is the month before {}?", "Name the month before {}.",
    ]),
    ("letter after", 0.8, _next_of(LETTERS, 1)[:-1], [
        "Which letter comes after {}?", "What letter is after {}?", "What letter follows {}?", "The letter after {}?", "Name the letter after {}.",
    ]),
    ("count", 2, list(COUNTS.items()), [
        "How many {}?", "how many {}", "Tell me how many {}.", "Do you know how many {}?", "Can you say how many {}?",
    ]),
    ("single", 2.5, SINGLES, [
        "What is {}?", "What's {}?", "Name {}.", "Tell me {}.", "Do you know {}?", "Which is {}?", "Can you name {}?", "Please tell me what {} is.",
    ]),
]


def fact(random: Random, split: str) -> Example:
    """A fact of the tables. Phrasings are held out, not facts: nobody can know a fact that was never told."""
    relation = random.choices(RELATIONS, [weight for _, weight, _, _ in RELATIONS])[0]
    _, _, facts, phrasings = relation
    subject, value = random.choice(facts)
    question = pick(random, phrasings, split).format(*subject.split("|"))
    if relation[0] == "single" and value in ("Neil Armstrong", "George Washington", "Leonardo da Vinci", "Alexander Graham Bell"):
        question = question.replace("What is", "Who was").replace("What's", "Who was").replace("Which is", "Who is").replace("what", "who")
    return ask("facts", question, sentence(value))


def sentence(value: str) -> str:
    """The value as an answer: a capital letter in front unless it is a word of another language, a full stop behind."""
    return value[0].upper() + value[1:] + "."
