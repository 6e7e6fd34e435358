import { expect, it } from 'vitest';
import { tagsOf } from '../../src/ledger/tags.ts';

it('metadata adds to the tags of the key and cannot replace them', () => {
  expect(tagsOf({ app: 'chat' }, { app: 'forged', stage: 'beta', try: 2, dry: true })).toEqual({
    app: 'chat',
    stage: 'beta',
    try: '2',
    dry: 'true',
  });
});

it.each([[null], [undefined], ['text'], [7], [['a']], [{ deep: {}, none: null }]])(
  'metadata %j gives no tags',
  (value) => {
    expect(tagsOf(undefined, value)).toEqual({});
  },
);

it('what is too long is cut, what is too much left out, control characters are replaced', () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, 'x']));
  expect(Object.keys(tagsOf(undefined, many))).toHaveLength(16);
  const [[name, value]] = Object.entries(tagsOf(undefined, { ['n'.repeat(99)]: `${'v'.repeat(200)}` })) as [
    [string, string],
  ];
  expect([name.length, value.length]).toEqual([64, 128]);
  expect(tagsOf(undefined, { 'a\u0000b': 'c\nd\ud800' })).toEqual({ 'a?b': 'c?d\ufffd' });
});

it('a name that means something to JavaScript is a name like any other', () => {
  const tags = tagsOf(undefined, JSON.parse('{"__proto__": "x", "constructor": "y"}'));
  expect(JSON.stringify(tags)).toBe('{"__proto__":"x","constructor":"y"}');
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});
