const HEAD_CHARACTERS = 6_000;
const TAIL_CHARACTERS = 2_000;

/** Soft hyphen, zero-width spaces and joiners, direction marks, word joiners, byte order mark: invisible to a reader. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/**
 * The part of a text that is read: the first 6,000 and the last 2,000 UTF-16 units, since people put the task before
 * or after what they paste. This bounds the work per prompt; invisible characters are dropped, so they cannot hide words.
 */
export const readWindow = (text: string): string => {
  const window =
    text.length <= HEAD_CHARACTERS + TAIL_CHARACTERS
      ? text
      : `${text.slice(0, HEAD_CHARACTERS)}\n${text.slice(-TAIL_CHARACTERS)}`;
  return window.replace(INVISIBLE, '');
};
