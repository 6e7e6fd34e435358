import type { LlamaGrammar, Token } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { LocalChatRequest } from './chat-request.ts';
import { GrammarBuilder, literal } from './gbnf.ts';
import { AnyJson } from './json-grammar.ts';
import { SchemaCompiler } from './json-schema-grammar.ts';
import type { LoadedModel } from './loaded-model.ts';
import { toPrompt } from './prompt.ts';
import { type ReasoningMarks, reasoningMarksOf, toTemplateOptions } from './reasoning.ts';
import { toTemplateMessages } from './template-messages.ts';
import { callsGrammar } from './tool-grammar.ts';
import { type ToolUse, toToolUse } from './tool-request.ts';
import type { CallMarker, ToolSyntax } from './tool-syntax.ts';

/** Everything about an answer that is settled before the engine begins. */
export type AnswerPlan = {
  promptTokens: Token[];
  /** Written for the model after its prompt: the beginning of a thought or of a call that must be. */
  forcedText: string;
  startsIn: 'reasoning' | 'content' | 'calls';
  marks: ReasoningMarks | null;
  contentGrammar: LlamaGrammar | null;
  calls: PlannedCalls | null;
};

/** `grammars` has one for each marker; with a content grammar, which knows of calls, there are none. */
export type PlannedCalls = {
  syntax: ToolSyntax;
  isForced: boolean;
  isLegacy: boolean;
  grammars: Map<CallMarker, LlamaGrammar>;
};

/**
 * Renders the prompt and compiles the grammars: a few milliseconds, and nothing of it waits for a sequence.
 * @throws GatewayError for what the request asks and this model cannot, naming the field.
 */
export const planAnswer = async (loaded: LoadedModel, request: LocalChatRequest): Promise<AnswerPlan> => {
  const use = toToolUse(request);
  const mayCall = use !== null && use.callable.length > 0;
  const prompt = toPrompt(loaded, {
    messages: toTemplateMessages(request.messages),
    functions: mayCall ? use.functions : [],
    options: toTemplateOptions(request),
  });
  const marks = reasoningMarksOf(loaded.template?.text ?? null);
  const tail = prompt.tail.trimEnd();
  const isThinking = marks !== null && tail.endsWith(marks.open);
  const calls = mayCall ? await planCalls(loaded, request, use, prompt.syntax) : null;
  const isForced = calls?.isForced ?? false;
  const contentGrammar = isForced ? null : await planContent(loaded, request, use, calls);
  const plan = { promptTokens: prompt.tokens, marks, contentGrammar, calls };
  if (isThinking) return { ...plan, forcedText: '', startsIn: 'reasoning' };
  // A grammar would keep the model from thinking first, as it was made to; unless its template has just ended a thought.
  const wouldThink = marks !== null && prompt.tail !== '' && !tail.endsWith(marks.close);
  if (wouldThink && (isForced || contentGrammar)) return { ...plan, forcedText: marks.open, startsIn: 'reasoning' };
  if (isForced) return { ...plan, forcedText: calls!.syntax.markers[0]!.text, startsIn: 'calls' };
  return { ...plan, forcedText: '', startsIn: 'content' };
};

const planCalls = async (
  { grammars }: LoadedModel,
  request: LocalChatRequest,
  use: ToolUse,
  syntax: ToolSyntax,
): Promise<PlannedCalls> => {
  const planned = { syntax, isForced: use.mode === 'required', isLegacy: use.isLegacy, grammars: new Map() };
  // The content's grammar, which binds from the first token, has the calls in it.
  if (!planned.isForced && wantsJson(request)) return planned;
  for (const marker of syntax.markers) {
    const builder = new GrammarBuilder();
    const root = callsGrammar(builder, use, syntax, marker.beforeName);
    planned.grammars.set(marker, await grammars.get(builder.build(root), use.isLegacy ? 'functions' : 'tools'));
  }
  return planned;
};

const planContent = async (
  { grammars }: LoadedModel,
  request: LocalChatRequest,
  use: ToolUse | null,
  calls: PlannedCalls | null,
): Promise<LlamaGrammar | null> => {
  if (!wantsJson(request)) return null;
  const builder = new GrammarBuilder();
  const alternatives = [jsonGrammar(builder, request)];
  for (const marker of calls?.syntax.markers ?? []) {
    const calling = callsGrammar(builder, use!, calls!.syntax, marker.beforeName);
    alternatives.push(builder.rule('calls', `${literal(marker.text)} ${calling}`));
  }
  return await grammars.get(builder.build(alternatives.join(' | ')), 'response_format');
};

const wantsJson = ({ response_format: format }: LocalChatRequest): boolean => format != null && format.type !== 'text';

const jsonGrammar = (builder: GrammarBuilder, { response_format: format }: LocalChatRequest): string => {
  if (format!.type === 'json_object') return new AnyJson(builder).object();
  const schema = (format!['json_schema'] as { schema?: unknown } | null | undefined)?.schema;
  const param = 'response_format.json_schema.schema';
  if (format!.type !== 'json_schema') {
    throw new GatewayError('invalid_value', "'response_format.type' must be text, json_object or json_schema.", {
      param: 'response_format.type',
    });
  }
  if (typeof schema !== 'object' || schema === null) {
    throw new GatewayError('invalid_value', `Missing required parameter: '${param}'.`, { param });
  }
  return new SchemaCompiler(builder, schema, param).compile();
};
