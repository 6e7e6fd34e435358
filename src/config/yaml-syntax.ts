import type { ErrorCode, YAMLError } from 'yaml';

/** Our words for the findings of the YAML parser: its own may quote the file, secrets included, and assume its reader. */
const SENTENCES: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'this alias has no anchor',
  BAD_COLLECTION_TYPE: 'this tag does not fit its value',
  BAD_DIRECTIVE: 'unknown YAML directive; remove the line',
  BAD_DQ_ESCAPE: "unknown escape in a double-quoted text; write `\\\\` for a backslash, or use single quotes ('…')",
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place',
  BAD_SCALAR_START: 'a text that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second `key: value` where one value is expected; check the indentation, or put quotes',
  BLOCK_IN_FLOW: 'lines with `- ` or `key:` blocks cannot stand inside { } or [ ]',
  KEY_OVER_1024_CHARS: 'this key is too long',
  MISSING_CHAR: 'something is missing here: a colon after a key, a closing quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'expected `key: value` here; is a colon missing, or the indentation wrong?',
  MULTIPLE_ANCHORS: 'a value can have only one anchor',
  MULTIPLE_DOCS: 'a second YAML document starts here; the file must hold one',
  MULTIPLE_TAGS: 'a value can have only one tag',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'this nests too deeply',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'unknown YAML tag; remove it',
  UNEXPECTED_TOKEN: 'this does not belong here; check the brackets, quotes and indentation before it',
};

/** One sentence for an error or warning of the YAML parser. Quotes nothing of the file but the name of a repeated key. */
export const describeSyntaxError = (error: YAMLError, text: string): string => {
  const [start, end] = error.pos;
  if (error.code === 'DUPLICATE_KEY') return `the key \`${keyAt(text, start)}\` is already there in this mapping`;
  if (text.slice(start - 1, start + 1) === '${') return `inside { } and [ ] write quotes around a variable: "\${…}"`;
  if (isOpenQuote(error)) return 'the quote that opens this text is never closed';
  if (error.code === 'TAB_AS_INDENT' || !text.slice(start, end).includes('\t')) return sentenceFor(error.code);
  return sentenceFor('TAB_AS_INDENT');
};

export const isOpenQuote = (error: YAMLError): boolean =>
  error.code === 'MISSING_CHAR' && /^Missing closing .quote/.test(error.message);

const sentenceFor = (code: ErrorCode): string => SENTENCES[code] ?? 'this is not valid YAML';

const keyAt = (text: string, start: number): string => /^["']?([\w.-]{0,63})/.exec(text.slice(start, start + 70))![1]!;
