"""Writes the held-out questions as JSONL: `python -m curriculum.write_examination --out <folder>`.

`examination.jsonl` is what the figures are measured on; `calibration.jsonl`, other questions of the same kind, is what
`rightsize calibrate --confidence` learns from, with an answer that can never be right where the question is to be
handed on.
"""

import argparse
import json
from pathlib import Path

from .corpus import examination
from .example import Example, Message

EXAMINATION_SEED, CALIBRATION_SEED = 101, 202
PER_LESSON = 40
MARK, MARK_END = "<tool_call>\n", "\n</tool_call>"
NEVER = "(?!)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    examined = examination(EXAMINATION_SEED, PER_LESSON)
    _write(out / "examination.jsonl", [examination_row(*numbered) for numbered in enumerate(examined)])
    others = examination(CALIBRATION_SEED, PER_LESSON, avoid={str(example.messages[:-1]) for example in examined})
    plain = [example for example in others if not example.tools]
    _write(out / "calibration.jsonl", [calibration_row(*numbered) for numbered in enumerate(plain)])


def examination_row(number: int, example: Example) -> dict:
    """As a chat request holds it, and what is right."""
    row: dict = {"id": number, "skill": example.skill, "messages": [as_sent(message) for message in example.messages[:-1]]}
    if example.tools:
        row["tools"] = [{"type": "function", "function": tool} for tool in example.tools]
    if example.schema:
        row["schema"] = example.schema
    if example.call:
        return row | {"call": example.call}
    return row | ({"isBeyond": True} if example.is_beyond else {"answer": example.messages[-1]["content"]})


def calibration_row(number: int, example: Example) -> dict:
    """As `rightsize calibrate --confidence` reads it."""
    key = {"pattern": NEVER} if example.is_beyond else {"answer": example.messages[-1]["content"]}
    return {"id": number, "messages": [as_sent(message) for message in example.messages[:-1]], **key}


def as_sent(message: Message) -> dict:
    """A message on the wire; calls have a field of their own there."""
    content = message["content"]
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": "call_1", "content": content}
    if not content.startswith(MARK):
        return {"role": message["role"], "content": content}
    call = json.loads(content.removeprefix(MARK).removesuffix(MARK_END))
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


def _write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


if __name__ == "__main__":
    main()
