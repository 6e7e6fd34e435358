import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/contract/errors.ts';

const rows = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));

test('docs/errors.md explains every error code once, with its status and type, and no other', () => {
  const documented = Object.fromEntries(rows.map(([, code, status, type]) => [code, { status: Number(status), type }]));
  expect(documented).toEqual(ERROR_CODES);
  expect(rows).toHaveLength(Object.keys(ERROR_CODES).length);
});

test('every code in docs/errors.md has a cause and says what to check', () => {
  for (const [, code, , , cause, check, ...rest] of rows) {
    expect(cause, code).toMatch(/\w.*\.$/);
    expect(check, code).toMatch(/\w.*\.$/);
    expect(rest, code).toEqual(['']);
  }
});
