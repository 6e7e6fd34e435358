import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/config/did-you-mean.ts';

test.each([
  ['thresold', 'threshold'],
  ['tire', 'tier'],
  ['MODEL', 'model'],
  ['modle', 'model'],
  ['models', 'model'],
  ['colour', null],
  ['x', null],
  ['', null],
])('%s is near to %s', (text, expected) => {
  expect(nearest(text, ['threshold', 'tier', 'model'])).toBe(expected);
});

test('without a near one, all are named, once', () => {
  expect(didYouMean('colour', ['a', 'b', 'a'])).toBe('; possible here: `a`, `b`');
  expect(didYouMean('colour', [])).toBe('');
});
