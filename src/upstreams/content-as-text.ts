/**
 * Makes a text of a list of content chunks, in place, as Mistral's reasoning models answer (`thinking` chunks, each with a
 * list of texts, beside `text`: https://docs.mistral.ai/capabilities/reasoning/): clients of chat expect a text, and reasoning
 * in `reasoning_content`.
 * @returns whether there was a list.
 */
export const contentAsText = (said: { content?: unknown; reasoning_content?: unknown }): boolean => {
  if (!Array.isArray(said.content)) return false;
  const chunks = said.content as (Chunk | null)[];
  const texts = chunks.map((chunk) => (typeof chunk?.text === 'string' ? chunk.text : ''));
  const thoughts = chunks.flatMap((chunk) => (Array.isArray(chunk?.thinking) ? chunk.thinking : []));
  const reasoning = thoughts.map((thought) => (typeof thought?.text === 'string' ? thought.text : '')).join('');
  said.content = texts.join('');
  if (reasoning !== '') said.reasoning_content = reasoning;
  return true;
};

type Chunk = { text?: unknown; thinking?: ({ text?: unknown } | null)[] };
