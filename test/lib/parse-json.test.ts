import { expect, test } from 'vitest';
import { BackslashKeyError, parseJson } from '../../src/lib/parse-json.ts';

test.each([
  '{"k":1,"\\\\":2}',
  '{"a":[{"b\\\\" : 1}]}',
  '{"a\\u005c":1}',
  '{"\\\\\\\\":1}',
  '{"x":"\\\\","\\u005C"\n:1}',
])('a key that ends with a backslash is refused: %s', (text) => {
  expect(() => parseJson(text)).toThrow(BackslashKeyError);
});

test.each([
  '{"a\\\\b":"C:\\\\","c":["\\\\",":"]}',
  '{"content":"{\\"C:\\\\\\\\\\": 1}"}',
  '["\\\\", "\\\\"]',
  '"\\\\"',
  '{"\\"":1,"\\n":"\\\\:"}',
])('a backslash anywhere else is read as ever: %s', (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test.each(['', '{"a":1', '{"\\x":1,"\\\\":1}', 'nope'])('what is no JSON is a SyntaxError: %s', (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});

test('a key is read as it is written, whatever was refused before', () => {
  expect(() => parseJson('{"first":1,"q\\\\":2}')).toThrow(BackslashKeyError);
  expect(parseJson('{"first":1,"q\\n":2}')).toEqual({ first: 1, ['q\n']: 2 });
});
