/**
 * Sets or removes top-level members of a JSON object text and leaves every other byte as it was, so that numbers beyond
 * double precision, key order and unknown fields reach the upstream exactly as the client wrote them.
 *
 * `edits` maps a key to the JSON text of its new value, or to `null` to remove it. A key that stands twice is replaced
 * once and its other occurrences are removed: parsers disagree on which one counts (RFC 8259, section 4).
 * @param text a text that `JSON.parse` accepts and that is an object; anything else gives an undefined result.
 */
export const spliceJson = (text: string, edits: Record<string, string | null>): string => {
  const pending = new Map(Object.entries(edits));
  const kept: string[] = [];
  for (const member of topLevelMembers(text)) {
    if (!Object.hasOwn(edits, member.key)) {
      kept.push(text.slice(member.start, member.end));
      continue;
    }
    const value = pending.get(member.key);
    pending.delete(member.key);
    if (value != null) kept.push(`${JSON.stringify(member.key)}:${value}`);
  }
  for (const [key, value] of pending) if (value !== null) kept.push(`${JSON.stringify(key)}:${value}`);
  return `{${kept.join(',')}}`;
};

type Member = { key: string; start: number; end: number };

function* topLevelMembers(text: string): Generator<Member> {
  let at = text.indexOf('{') + 1;
  while (true) {
    const start = skipWhitespace(text, at);
    if (text[start] === '}' || start >= text.length) return;
    const keyEnd = skipString(text, start);
    const colon = text.indexOf(':', keyEnd);
    const end = skipValue(text, colon + 1);
    yield { key: JSON.parse(text.slice(start, keyEnd)) as string, start, end };
    const next = skipWhitespace(text, end);
    if (text[next] !== ',') return;
    at = next + 1;
  }
}

const skipWhitespace = (text: string, from: number): number => {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
};

/** From an opening quote to the index after its closing quote. */
const skipString = (text: string, from: number): number => {
  let at = from + 1;
  while (true) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
};

/** To the index after the value that starts at or after `from`. */
const skipValue = (text: string, from: number): number => {
  let depth = 0;
  let at = skipWhitespace(text, from);
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = skipString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      if (depth === 0) return at;
      depth--;
      if (depth === 0) return at + 1;
    } else if (character === ',' && depth === 0) return at;
    at++;
  }
  return at;
};
