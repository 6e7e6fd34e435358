"""Conversations as text, as `chat-template.jinja` renders them; a test holds the two against each other."""

import json

from curriculum.example import Example

from .tokenizer import END, START

Piece = tuple[str, bool]


def pieces(example: Example) -> list[Piece]:
    """Texts of the conversation in order, each with whether the model is to learn it."""
    messages = list(example.messages)
    shown: list[Piece] = []
    if example.tools:
        shown.append((f"{START}system\n", False))
        if messages[0]["role"] == "system":
            shown.append((messages.pop(0)["content"] + "\n\n", False))
        listed = "".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in example.tools)
        shown.append((f"# Tools\n<tools>{listed}\n</tools>{END}\n", False))
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "assistant":
            shown += [(f"{START}assistant\n", False), (f"{content}{END}", True), ("\n", False)]
        elif role == "tool":
            shown.append((f"{START}user\n<tool_response>\n{content}\n</tool_response>{END}\n", False))
        else:
            shown.append((f"{START}{role}\n{content}{END}\n", False))
    return shown


def prompt(example: Example) -> str:
    """Everything up to where the last answer begins."""
    return "".join(text for text, _ in pieces(example)[:-2])
