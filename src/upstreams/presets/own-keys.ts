import type { ChatCompletion, ChatCompletionChunk } from '../../contract/openai.ts';

/**
 * Takes `keys` out of an answer or chunk and of its choices, in place.
 * @returns whether there was any of them.
 */
export const takeOutKeys = (answer: ChatCompletion | ChatCompletionChunk, keys: readonly string[]): boolean => {
  let hadAny = false;
  if (keys.length === 0) return hadAny;
  for (const holder of [answer, ...answer.choices]) {
    for (const key of keys) {
      if (!(key in holder)) continue;
      delete holder[key];
      hadAny = true;
    }
  }
  return hadAny;
};
