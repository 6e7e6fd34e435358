import type { GrammarBuilder } from './gbnf.ts';
import { COUNTED_CHARACTER, STRING_CHARACTER } from './json-grammar.ts';
import { schemaError } from './json-schema-error.ts';
import { regexGrammar } from './regex-grammar.ts';
import { lengthOf, parseRegex } from './regex-syntax.ts';

export type StringSchema = { minLength?: number; maxLength?: number; pattern?: string; format?: string };

const MAX_MIN_LENGTH = 1000;
const MAX_LENGTH = 65_536;
const MAX_PATTERN_LENGTH = 2000;
/** Longer strings are counted in blocks, so that the grammar stays small. */
const BLOCK = 128;

const DAY = '("0" [1-9] | "1" [0-9] | "2" [0-8])';
const MONTH = '("0" [1-9] | "1" [0-2])';
const DATE = `("19" | "20") [0-9]{2} "-" ${MONTH} "-" ${DAY}`;
const CLOCK = '([0-1] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,3})?';
const OCTET = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9] [0-9] | [0-9])';
const LABEL = '[a-z0-9] ([a-z0-9-]{0,20} [a-z0-9])?';

/** Formats in a shape that every reader takes: days that all months have, UTC, versions of UUID that exist. */
type Format = { grammar: string; min: number; max: number; samples: string[] };
const FORMATS: Record<string, Format> = {
  date: { grammar: DATE, min: 10, max: 10, samples: ['1999-12-28', '2001-01-01'] },
  time: { grammar: CLOCK, min: 8, max: 12, samples: ['00:00:00', '23:59:59.123'] },
  'date-time': {
    grammar: `${DATE} "T" ${CLOCK} "Z"`,
    min: 20,
    max: 24,
    samples: ['1999-12-28T23:59:59Z', '2001-01-01T00:00:00.1Z'],
  },
  uuid: {
    grammar: '[0-9a-f]{8} "-" [0-9a-f]{4} "-4" [0-9a-f]{3} "-" [89ab] [0-9a-f]{3} "-" [0-9a-f]{12}',
    min: 36,
    max: 36,
    samples: ['0f9a3b5c-1d2e-4f60-8abc-0123456789ab', 'ffffffff-ffff-4fff-bfff-ffffffffffff'],
  },
  email: {
    grammar: `[a-z0-9]{1,20} ("." [a-z0-9]{1,20})? "@" (${LABEL} "."){1,2} [a-z]{2,6}`,
    min: 6,
    max: 94,
    samples: ['a@b.cd', 'a0.z9@x-1.y0.museum', '0@0.0.aa'],
  },
  ipv4: {
    grammar: `${OCTET} "." ${OCTET} "." ${OCTET} "." ${OCTET}`,
    min: 7,
    max: 15,
    samples: ['0.0.0.0', '255.249.199.99'],
  },
};

/** A string in its quotes. @throws GatewayError naming what of the schema cannot be honoured. */
export const stringGrammar = (grammar: GrammarBuilder, schema: StringSchema, param: string, path: string): string => {
  const { format } = schema;
  const known = format === undefined ? undefined : FORMATS[format];
  if (format !== undefined && known === undefined && schema.pattern === undefined) {
    throw schemaError(param, `${path}/format`, `the format "${format}" is not supported`);
  }
  // A pattern beside a format mostly says the same; what both let through is then written the format's way.
  const isSame = (pattern: string) => known?.samples.every((sample) => new RegExp(pattern, 'u').test(sample));
  try {
    if (schema.pattern !== undefined && !isSame(schema.pattern)) {
      return quoted(patternGrammar(grammar, schema.pattern, schema));
    }
  } catch (error) {
    const problem = `the pattern is not supported: ${(error as Error).message}`;
    throw schemaError(param, `${path}/pattern`, problem);
  }
  if (known !== undefined) {
    if (known.min < (schema.minLength ?? 0) || known.max > (schema.maxLength ?? Infinity)) {
      throw schemaError(param, path, `the format "${format}" is not supported beside limits of length`);
    }
    return quoted(grammar.rule(format!, known.grammar));
  }
  return quoted(countedGrammar(grammar, schema, param, path));
};

const quoted = (inside: string): string => `"\\"" ${inside} "\\""`;

const patternGrammar = (grammar: GrammarBuilder, pattern: string, { minLength = 0, maxLength }: StringSchema) => {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new Error(`it has more than ${MAX_PATTERN_LENGTH} characters`);
  const node = parseRegex(pattern);
  const { min, max } = lengthOf(node);
  if (min < minLength || max > (maxLength ?? Infinity)) throw new Error('it stands beside limits of length');
  return grammar.rule('pattern', regexGrammar(grammar, node));
};

const countedGrammar = (grammar: GrammarBuilder, schema: StringSchema, param: string, path: string): string => {
  const { minLength = 0, maxLength } = schema;
  if (minLength === 0 && maxLength === undefined) return `${grammar.rule('character', STRING_CHARACTER)}*`;
  if (minLength > MAX_MIN_LENGTH) {
    throw schemaError(param, `${path}/minLength`, `${minLength} is more than the supported ${MAX_MIN_LENGTH}`);
  }
  const character = grammar.rule('counted', COUNTED_CHARACTER);
  const start = minLength > 0 ? `${character}{${minLength}} ` : '';
  if (maxLength === undefined) return `${start}${character}*`;
  const rest = Math.min(maxLength, MAX_LENGTH) - minLength;
  if (rest < 0) throw schemaError(param, path, 'no string has such a length');
  if (rest < BLOCK) return `${start}${character}{0,${rest}}`;
  const block = grammar.rule('block', `${character}{${BLOCK}}`);
  const blocks = Math.floor(rest / BLOCK);
  return `${start}(${block}{0,${blocks - 1}} ${character}{0,${BLOCK - 1}} | ${block}{${blocks}} ${character}{0,${rest % BLOCK}})`;
};
