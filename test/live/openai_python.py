"""Runs the official client for Python through the gateway; one line on stdout for each check."""

import base64
import os
import struct
import sys

import openai

BASE, SILENT, KEY, SPENT = (os.environ[name] for name in ("BASE", "SILENT", "KEY", "SPENT"))
TEXT = "Good morning! How can I help you today? ☕ 👋🏽"
MESSAGES = [{"role": "user", "content": "Say good morning."}]
client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0)


def ask(feature, client=client, **fields):
    return client.chat.completions.create(model=f"python/{feature}", messages=MESSAGES, **fields)


def fails(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def chat():
    answer = ask("chat")
    assert answer.choices[0].message.content == TEXT
    assert answer.usage.total_tokens == 27
    assert answer._request_id.startswith("req_")


def stream():
    chunks = list(ask("stream", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert all(chunk.usage is None for chunk in chunks)


def stream_options():
    chunks = list(ask("stream-with-usage", stream=True, stream_options={"include_usage": True}))
    usages = [chunk for chunk in chunks if chunk.usage]
    assert len(usages) == 1 and usages[0].choices == [] and usages[0].usage.total_tokens == 27


def stream_helper():
    with client.chat.completions.stream(model="python/stream-helper", messages=MESSAGES) as events:
        assert events.get_final_completion().choices[0].message.content == TEXT


def streamed_tool():
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
    model = "python/streamed-tool"
    with client.chat.completions.stream(model=model, messages=MESSAGES, tools=tools) as events:
        call = events.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Köln","days":3}')


def extra_body():
    assert ask("unknown-fields", extra_body={"provider": {"order": ["a"]}}).choices[0].message.content == TEXT


def embeddings():
    answer = client.embeddings.create(model="python/embeddings", input=["a", "b"])
    expected = [0.0023064255, -0.009327292, 0.5, -0.0028842222, 1.5e-7]
    packed = base64.b64encode(struct.pack("<5f", *expected))
    assert base64.b64encode(struct.pack("<5f", *answer.data[0].embedding)) == packed


def models():
    assert "auto" in [model.id for model in client.models.list()]
    assert client.models.retrieve("python/chat").id == "python/chat"


def errors():
    assert fails(openai.BadRequestError, lambda: ask("error-400")).param == "temperature"
    assert fails(openai.NotFoundError, lambda: ask("nobody")).code == "model_not_found"
    wrong = openai.OpenAI(base_url=BASE, api_key="wrong", max_retries=0)
    assert fails(openai.AuthenticationError, lambda: ask("chat", wrong)).code == "invalid_api_key"
    spent = openai.OpenAI(base_url=BASE, api_key=SPENT)
    assert fails(openai.RateLimitError, lambda: ask("spent-budget", spent)).code == "insufficient_quota"


def retries():
    patient = openai.OpenAI(base_url=BASE, api_key=KEY)
    fails(openai.RateLimitError, lambda: ask("retries-of-429", patient))


def error_inside_a_stream():
    error = fails(openai.APIError, lambda: list(ask("error-inside-a-stream", stream=True)))
    assert "had an error while processing" in error.message


def broken_stream():
    error = fails(openai.APIError, lambda: list(ask("broken-stream", stream=True)))
    assert error.code == "upstream_interrupted"


def silence():
    silent = openai.OpenAI(base_url=SILENT, api_key="any", max_retries=0)
    text = ""
    for chunk in ask("twenty-seconds-of-silence", silent, stream=True):
        text += chunk.choices[0].delta.content or ""
        if text == "Good morning":
            print("silence: waiting", flush=True)
    assert text == "Good morning!"


CHECKS = [chat, stream, stream_options, stream_helper, streamed_tool, extra_body, embeddings, models, errors, retries]
CHECKS += [error_inside_a_stream, broken_stream, silence]

print(f"openai {openai.__version__}, Python {sys.version.split()[0]}", flush=True)
for check in CHECKS:
    try:
        check()
        print(f"{check.__name__}: ok", flush=True)
    except Exception as error:
        print(f"{check.__name__}: {type(error).__name__}: {error}", flush=True)
