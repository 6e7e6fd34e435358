import { expect, test } from 'vitest';
import { formatUsd } from '../../src/lib/money.ts';

test.each([
  [0, '0.0'],
  [1, '0.000000001'],
  [10, '0.00000001'],
  [1_234_500, '0.0012345'],
  [999_999_999, '0.999999999'],
  [1_000_000_000, '1.0'],
  [1_500_000_000, '1.5'],
  [123_456_789_012_345, '123456.789012345'],
  [-1, '-0.000000001'],
  [-2_500_000_000, '-2.5'],
  [Number.MAX_SAFE_INTEGER, '9007199.254740991'],
])('%i nano-USD is exactly %s USD', (amount, text) => {
  expect(formatUsd(amount)).toBe(text);
});
