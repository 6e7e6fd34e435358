/** Most tags of one entry, and their longest names and values: OpenAI's own bounds for `metadata`, values shorter. */
const MAX_TAGS = 16;
const MAX_NAME = 64;
const MAX_VALUE = 128;

/**
 * Tags of a request: those of its virtual key, then its own `metadata`
 * (https://platform.openai.com/docs/api-reference/chat/create), which cannot replace the key's. Text, numbers and
 * booleans count, others are left out; control characters become `?`; what is too long is cut, what is too much left out.
 */
export const tagsOf = (
  ofKey: Readonly<Record<string, string>> | undefined,
  metadata: unknown,
): Record<string, string> => {
  if (ofKey === undefined && (metadata === undefined || metadata === null)) return NO_TAGS;
  const tags = new Map<string, string>();
  for (const source of [ofKey, metadata]) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) continue;
    for (const [name, value] of Object.entries(source)) {
      if (tags.size >= MAX_TAGS) break;
      const key = clean(name, MAX_NAME);
      if (key === '' || tags.has(key) || !['string', 'number', 'boolean'].includes(typeof value)) continue;
      tags.set(key, clean(String(value), MAX_VALUE));
    }
  }
  return Object.fromEntries(tags);
};

const NO_TAGS: Record<string, string> = {};

const clean = (text: string, limit: number): string =>
  text
    .slice(0, limit)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '?');
