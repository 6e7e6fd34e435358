import { GatewayError } from '../contract/errors.ts';
import { GrammarBuilder, literal, oneOf } from './gbnf.ts';
import { AnyJson } from './json-grammar.ts';
import { SchemaCompiler } from './json-schema-grammar.ts';
import type { ToolFunction, ToolUse } from './tool-request.ts';
import type { ToolSyntax } from './tool-syntax.ts';

const MAX_CALLS = 16;

/**
 * What follows a marker: one call of a callable function with arguments that fit its parameters, or several.
 * @throws GatewayError for a strict function whose schema cannot be honoured. Of others, whose schema is advice, the
 * arguments are then any object.
 */
export const callsGrammar = (grammar: GrammarBuilder, use: ToolUse, syntax: ToolSyntax, beforeName: string): string => {
  const call = grammar.rule(
    'call',
    oneOf(
      use.callable.map(
        (callable) =>
          `${literal(callable.name + syntax.beforeArguments)} ${argumentsGrammar(grammar, callable)} ${quoteUnlessEmpty(syntax.afterArguments)}`,
      ),
    ),
  );
  const more =
    use.isParallel && syntax.between !== null ? `(${literal(syntax.between)} ${call}){0,${MAX_CALLS - 1}}` : '';
  return [quoteUnlessEmpty(beforeName), call, more, quoteUnlessEmpty(syntax.end)]
    .filter((part) => part !== '')
    .join(' ');
};

const argumentsGrammar = (grammar: GrammarBuilder, { parameters, strict, param }: ToolFunction): string => {
  if (hasNone(parameters)) return grammar.rule('none', '"{" "}"');
  try {
    const schema = { type: 'object', ...(parameters as object) };
    // Tried apart first, so that a schema that fails leaves nothing behind.
    new SchemaCompiler(new GrammarBuilder(), schema, param).compile();
    return new SchemaCompiler(grammar, schema, param).compile();
  } catch (error) {
    if (strict || !(error instanceof GatewayError)) throw error;
    return new AnyJson(grammar).object();
  }
};

/** A function that declares no parameter takes none, though its schema would let anything through. */
const hasNone = (parameters: unknown): boolean => {
  const { properties, additionalProperties, ...others } = (parameters ?? {}) as Record<string, unknown>;
  const isOpen = additionalProperties !== undefined && additionalProperties !== false;
  const combines = ['$ref', 'anyOf', 'oneOf', 'allOf'].some((keyword) => keyword in others);
  return Object.keys(properties ?? {}).length === 0 && !isOpen && !combines;
};

const quoteUnlessEmpty = (text: string): string => (text === '' ? '' : literal(text));
