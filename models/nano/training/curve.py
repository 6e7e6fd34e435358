"""Draws the training log: `python -m training.curve --log <log.jsonl> --out <curve.svg>`."""

import argparse
import json
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 720, 320, 48
CURVES = [("loss", "#b4472e", "loss of the answers' tokens, nats"), ("right", "#2e6db4", "share of tokens foretold")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.write_text(draw([json.loads(line) for line in options.log.read_text().splitlines()]))


def draw(rows: list[dict]) -> str:
    """Both curves over the steps; the loss is cut off at 3."""
    last = rows[-1]["step"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="font: 12px sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        across, down = MARGIN + share * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)
        parts.append(f'<path d="M{MARGIN} {down:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{across:.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{share * last:.0f}</text>'
        )
        parts.append(f'<text x="{MARGIN - 6}" y="{down + 4:.1f}" text-anchor="end">{3 * share:.2f}</text>')
        parts.append(f'<text x="{WIDTH - MARGIN + 6}" y="{down + 4:.1f}">{share:.2f}</text>')
    for number, (name, color, label) in enumerate(CURVES):
        top = 3 if name == "loss" else 1
        points = " ".join(
            f"{MARGIN + row['step'] / last * (WIDTH - 2 * MARGIN):.1f},"
            f"{HEIGHT - MARGIN - min(row[name] / top, 1) * (HEIGHT - 2 * MARGIN):.1f}"
            for row in rows
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts.append(f'<text x="{MARGIN + number * 260}" y="24" fill="{color}">{label}</text>')
    return (
        "\n".join(
            [
                *parts,
                f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">step</text>',
                "</svg>",
            ]
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
