"""Functions that the model may call, requests for them, and answers from their results."""

import json
from random import Random

from .example import Example, assistant, pick, user
from .tables import any_city, any_name

STRING, INTEGER = {"type": "string"}, {"type": "integer"}

# Name, description, parameters with their types, ways to ask.
FUNCTIONS = [
    ("get_weather", "Current weather of a city", {"city": STRING}, ["What is the weather in {city}?", "How is the weather in {city}?", "Weather in {city}?", "Is it raining in {city}?", "Tell me the weather for {city}.", "Do I need an umbrella in {city}?", "What's the weather like in {city} today?", "What is the weather like in {city}?"]),
    ("get_time", "Current time in a city", {"city": STRING}, ["What time is it in {city}?", "Time in {city}?", "Tell me the time in {city}.", "How late is it in {city}?", "What's the local time in {city}?", "Current time in {city}, please.", "What is the time in {city}?"]),
    ("set_timer", "Start a timer", {"minutes": INTEGER}, ["Set a timer for {minutes} minutes.", "Timer {minutes} minutes", "Start a {minutes} minute timer.", "Wake me in {minutes} minutes.", "Please set a timer: {minutes} minutes.", "Remind me in {minutes} minutes.", "Start a timer for {minutes} minutes."]),
    ("send_message", "Send a message to a person", {"to": STRING, "text": STRING}, ["Tell {to}: {text}", 'Send "{text}" to {to}.', "Send a message to {to}: {text}", "Write {to} this: {text}", "Message {to}: {text}"]),
    ("search", "Search the web", {"query": STRING}, ["Search for {query}.", "Look up {query}.", "Find {query} on the web.", "Search the web for {query}.", "Google {query}.", "Find out about {query}.", "Look for {query} online.", "Can you look for {query}?"]),
    ("play_music", "Play music of a kind", {"genre": STRING}, ["Play some {genre}.", "Play {genre} music.", "I want to hear {genre}.", "Put on {genre}.", "Start playing {genre}.", "Please play some {genre}."]),
    ("convert_currency", "Convert money", {"amount": INTEGER, "from": STRING, "to": STRING}, ["Convert {amount} {from} to {to}.", "How much is {amount} {from} in {to}?", "{amount} {from} in {to}?", "Change {amount} {from} into {to}.", "How many {to} is {amount} {from}?", "What would {amount} {from} be in {to}?", "I have {amount} {from}, what is that in {to}?", "What are {amount} {from} worth in {to}?"]),
    ("turn_on", "Switch a device on", {"device": STRING}, ["Turn on the {device}.", "Switch on the {device}.", "Please turn the {device} on.", "Start the {device}.", "Put the {device} on."]),
    ("turn_off", "Switch a device off", {"device": STRING}, ["Turn off the {device}.", "Switch off the {device}.", "Please turn the {device} off.", "Stop the {device}.", "Put the {device} off."]),
    ("get_stock_price", "Price of a stock", {"company": STRING}, ["What is the stock price of {company}?", "Stock price of {company}?", "What is {company} stock worth?", "Tell me the share price of {company}.", "How much is a share of {company}?", "Price of {company} stock?", "How is the {company} stock doing?"]),
    ("book_table", "Book a table", {"restaurant": STRING, "people": INTEGER}, ["Book a table for {people} at {restaurant}.", "Reserve a table at {restaurant} for {people} people.", "Table for {people} at {restaurant}, please.", "Get us a table for {people} at {restaurant}.", "Can you book {restaurant} for {people}?", "We are {people}, book {restaurant}.", "I want a table at {restaurant} for {people}."]),
]
TEXTS = "I am late,see you soon,call me back,dinner is ready,happy birthday,the meeting is at noon,I am on my way,thank you,good luck,where are you".split(",")
QUERIES = "cheap flights,best pizza,train times,new phones,yoga classes,winter jackets,used cars,garden tools,cat food,hotel prices,running shoes,chess rules".split(",")
GENRES = "jazz rock pop classical blues soul techno folk metal reggae".split()
CODES = "USD EUR GBP JPY CHF CAD SEK INR".split()
DEVICES = "light lamp heating fan radio tv oven heater kettle printer".split()
VALUES = {
    "city": any_city, "to": any_name, "from": any_name, "minutes": lambda random: random.randint(1, 90), "text": lambda random: random.choice(TEXTS),
    "query": lambda random: random.choice(QUERIES), "genre": lambda random: random.choice(GENRES), "amount": lambda random: random.randint(1, 999),
    "device": lambda random: random.choice(DEVICES), "company": any_name, "restaurant": any_name, "people": lambda random: random.randint(2, 12),
}
WEATHER = ["sunny", "cloudy", "rainy", "windy", "foggy", "snowy"]


def tool_call(random: Random, split: str) -> Example:
    """A request with the functions at hand, and the call that it asks for."""
    wanted, *others = random.sample(FUNCTIONS, random.choice([1, 1, 2, 2, 3]))
    request, values = _request(random, split, wanted)
    call = {"name": wanted[0], "arguments": values}
    tools = [described(function) for function in random.sample([wanted, *others], 1 + len(others))]
    return Example("tool calls", [user(request), assistant(written(call))], tools=tools, call=call)


def tool_result(random: Random, split: str) -> Example:
    """A call that was answered, and the answer in words."""
    kind = random.choice(FUNCTIONS[:3])
    request, values = _request(random, split, kind)
    if kind[0] == "get_weather":
        degrees, sky = random.randint(-9, 35), random.choice(WEATHER)
        result = random.choice([{"temperature": degrees, "sky": sky}, {"sky": sky, "temperature": degrees}])
        answer = f"It is {sky} in {values['city']}, {degrees} degrees."
    elif kind[0] == "get_time":
        time = f"{random.randint(0, 23)}:{random.randint(10, 59)}"
        result, answer = {"time": time}, f"It is {time} in {values['city']}."
    else:
        result, answer = {"ok": True}, f"The timer is set for {values['minutes']} minutes."
    call = {"name": kind[0], "arguments": values}
    messages = [user(request), assistant(written(call)), {"role": "tool", "content": json.dumps(result)}, assistant(answer)]
    return Example("answers from tool results", messages, tools=[described(kind)])


def described(function: tuple) -> dict:
    """As a request's `tools` holds it, the part under `function`."""
    name, description, parameters, _ = function
    schema = {"type": "object", "properties": parameters, "required": list(parameters)}
    return {"name": name, "description": description, "parameters": schema}


def written(call: dict) -> str:
    """As the chat template writes a call."""
    return f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>"


def _request(random: Random, split: str, function: tuple) -> tuple[str, dict]:
    name, _, parameters, phrasings = function
    values = {key: VALUES[key](random) for key in parameters}
    if name == "convert_currency":
        values["from"], values["to"] = random.sample(CODES, 2)
    return pick(random, phrasings, split).format(**values), values
