import { expect, test } from 'vitest';
import { chatBody } from '../../loadtest/chat-body.ts';

test.each([
  { isHard: false, isStream: false },
  { isHard: true, isStream: false },
  { isHard: true, isStream: true },
])('a request body is 1 kB of JSON that no other request equals: %o', (options) => {
  const bodies = ['1', 'a-much-longer-id-0000000001'].map((id) => chatBody({ id, ...options }));
  expect(bodies.map((body) => body.length)).toEqual([1024, 1024]);
  expect(new Set(bodies).size).toBe(2);
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ model: 'auto', messages: [{ role: 'user' }] });
});
