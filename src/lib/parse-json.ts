/**
 * `JSON.parse`, without a fault of V8 (13.6, Node 24): once an object with the keys `k`, `q\` was read, a key that has
 * the same place and length and ends in an escape is read as the former: `{"k":1,"q\n":2}` gives `q\` too, for every
 * later caller in the process. So a text with a key that ends in a backslash is never handed to it.
 * @throws SyntaxError for what is no JSON; BackslashKeyError for such a key, which no API has.
 */
export const parseJson = (text: string): unknown => {
  if (MAY_HAVE_ONE.test(text) && hasKeyEndingInBackslash(text)) throw new BackslashKeyError();
  return JSON.parse(text);
};

export class BackslashKeyError extends Error {
  constructor() {
    super('a key ends with a backslash');
  }
}

/** Also matches inside texts that hold JSON. */
const MAY_HAVE_ONE = /\\(?:\\|u005c)"\s*:/i;

const hasKeyEndingInBackslash = (text: string): boolean => {
  let start = text.indexOf('"');
  while (start >= 0) {
    let end = start + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    let next = end + 1;
    while (text.charCodeAt(next) <= SPACE) next++;
    // A text that is no JSON may fail here already, and with the same error.
    if (text[next] === ':' && (JSON.parse(text.slice(start, end + 1)) as string).endsWith('\\')) return true;
    start = text.indexOf('"', end + 1);
  }
  return false;
};

const SPACE = 0x20;
