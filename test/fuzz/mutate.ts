import type { Random } from './random.ts';

/** A value that is written into the body as it stands: what JSON.stringify could not write. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object whose members may come twice. */
class Members {
  readonly pairs: [string, unknown][];
  constructor(pairs: [string, unknown][]) {
    this.pairs = pairs;
  }
}

const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON', 'then', 'length'],
  ...[
    '',
    ' ',
    '\\',
    '"',
    '\n',
    '\u0000',
    '\ud800',
    'é',
    '☃',
    'model',
    'stream',
    'messages',
    'error',
    'n',
    'id',
    '0',
    '-1',
  ],
];
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1.5',
  '1e308',
  '1e999',
  '-1e999',
  '1e-400',
  '9007199254740993',
  `1${'0'.repeat(400)}`,
];
const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\udc00x',
  '\u2028',
  '🙂',
  'auto',
  'data:image/png;base64,',
  '../../etc/passwd',
  '[DONE]',
  '\n\ndata: {}\n\n',
];

/** One body made from `seed`, hostile in one to four ways. The same random numbers give the same bytes. */
export const mutate = (seed: object, random: Random): Buffer => {
  const body = toMembers(seed) as Members;
  const changes = random.below(4);
  for (let i = 0; i <= changes; i++) changeSomewhere(body, random, 0);
  const bytes = Buffer.from(write(random.chance(0.06) ? junk(random) : body, random), 'utf8');
  return random.chance(0.2) ? spoil(bytes, random) : bytes;
};

const toMembers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toMembers);
  if (typeof value !== 'object' || value === null) return value;
  return new Members(Object.entries(value).map(([key, member]) => [key, toMembers(member)]));
};

/** Goes down at random and changes what it stops at. */
const changeSomewhere = (at: Members | unknown[], random: Random, depth: number): void => {
  const children = at instanceof Members ? at.pairs.map(([, value]) => value) : at;
  const inner = children.filter((child) => child instanceof Members || Array.isArray(child)) as (Members | unknown[])[];
  if (inner.length > 0 && depth < 6 && random.chance(0.6)) changeSomewhere(random.pick(inner), random, depth + 1);
  else if (at instanceof Members) changeMembers(at.pairs, random);
  else changeList(at, random);
};

const changeMembers = (pairs: [string, unknown][], random: Random): void => {
  const index = random.below(Math.max(1, pairs.length));
  const pair = pairs[index];
  const change = random.below(6);
  if (pair === undefined || change === 0) pairs.push([random.pick(NAMES), junk(random)]);
  else if (change === 1) pairs.splice(index, 1);
  else if (change === 2) pairs.push([pair[0], junk(random)]);
  else if (change === 3) pairs.unshift([pair[0], junk(random)]);
  else if (change === 4) pairs[index] = [random.pick(NAMES), pair[1]];
  else pairs[index] = [pair[0], junk(random)];
};

const changeList = (list: unknown[], random: Random): void => {
  const change = random.below(4);
  if (list.length === 0 || change === 0) list.push(junk(random));
  else if (change === 1) list.splice(random.below(list.length), 1);
  else if (change === 2) list[random.below(list.length)] = junk(random);
  else for (let i = random.below(200); i > 0; i--) list.push(list[0]);
};

const junk = (random: Random): unknown => {
  switch (random.below(9)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
    case 2:
      return new Raw(random.pick(NUMBERS));
    case 3:
    case 4:
      return random.pick(TEXTS);
    case 5:
      return random.pick(TEXTS).repeat(1 + random.below(2_000));
    case 6:
      return new Members(Array.from({ length: random.below(4) }, () => [random.pick(NAMES), random.pick(TEXTS)]));
    case 7: {
      const depth = random.pick([3, 50, 20_000]);
      return new Raw(
        random.chance(0.5) ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
      );
    }
    default:
      return new Raw(`[${`${random.pick(['0', '{}', '""', 'null'])},`.repeat(random.pick([0, 10, 20_000]))}0]`);
  }
};

const write = (value: unknown, random: Random): string => {
  const space = random.chance(0.02) ? random.pick([' ', '\n', '\t', '\r\n']) : '';
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${space}${value.map((item) => write(item, random)).join(`,${space}`)}]`;
  if (value instanceof Members) {
    const pairs = value.pairs.map(
      ([key, member]) => `${space}${quote(key, random)}${space}:${space}${write(member, random)}`,
    );
    return `{${pairs.join(',')}${space}}`;
  }
  return typeof value === 'string' ? quote(value, random) : JSON.stringify(value);
};

/** Text in quotes, now and then with letters written as escapes. */
const quote = (text: string, random: Random): string => {
  const plain = JSON.stringify(text);
  if (text.length > 40 || !random.chance(0.05)) return plain;
  return `"${[...text].map((letter) => [...letter].map(() => toEscape(letter)).join('')).join('')}"`;
};

const toEscape = (letter: string): string =>
  Array.from({ length: letter.length }, (_, i) => `\\u${letter.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

const spoil = (bytes: Buffer, random: Random): Buffer => {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random.below(256)), bytes.subarray(at)]);
    case 2: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at % changed.length] = random.below(256);
      return changed;
    }
    case 3:
      return Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), bytes]);
    case 4:
      return Buffer.concat([bytes, random.chance(0.5) ? bytes : Buffer.from(' // the end')]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(0xc0, 0x80, 0xed, 0xa0, 0x80), bytes.subarray(at)]);
  }
};
