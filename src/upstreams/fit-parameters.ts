import type { ChatRequest } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import type { UpstreamKind } from '../contract/vocabulary.ts';
import { narrowTools, withProperties } from './narrow-tools.ts';
import { PARAMETERS } from './presets/parameters.ts';

/** Changes of a chat request's top-level members, as `spliceJson` takes them, and the names of what is left out. */
export type FittedParameters = { edits: Record<string, string | null>; stripped: string[]; asTools: boolean };

/**
 * What the table makes of a request at a kind of upstream. `null` means absent.
 * @param model the model's name there.
 * @throws GatewayError `unsupported_parameter`, which another upstream may not answer.
 */
export const fitParameters = (
  { body, model: asked }: Pick<ChatRequest, 'body' | 'model'>,
  kind: UpstreamKind,
  model: string,
): FittedParameters => {
  const fitted: FittedParameters = { edits: {}, stripped: [], asTools: false };
  for (const [parameter, handling] of Object.entries(PARAMETERS[kind])) {
    const value = body[parameter];
    if (value === undefined || value === null) continue;
    const only = typeof handling === 'object' && 'only' in handling ? handling.only : undefined;
    if (value === only) continue;
    if (handling === 'elsewhere' || only !== undefined) {
      const what = `'${parameter}'${only === undefined ? '' : ` other than ${only}`}`;
      const message = `Unsupported parameter: ${what} is not supported by upstreams of kind ${kind}.`;
      throw new GatewayError('unsupported_parameter', message, { param: parameter, isRetryable: true });
    }
    if (handling === 'as-tools') fitted.asTools = true;
    else if (handling === 'named-tool' || handling === 'fewer-tools') {
      const { edits, isLost } = narrowTools(body, handling === 'named-tool');
      Object.assign(fitted.edits, edits);
      if (isLost) fitted.stripped.push(parameter);
    } else if (handling === 'with-properties') {
      const sent = fitted.edits[parameter] === undefined ? value : JSON.parse(fitted.edits[parameter] ?? '[]');
      const mended = withProperties(sent as unknown[]);
      if (mended !== null) fitted.edits[parameter] = JSON.stringify(mended);
    } else if (typeof handling === 'object' && 'rename' in handling) {
      // Two limits on the answer: the newer name counts.
      const isLimit = parameter === 'max_tokens' || parameter === 'max_completion_tokens';
      fitted.edits[parameter] = null;
      fitted.edits[handling.rename] = JSON.stringify(isLimit ? (body.max_completion_tokens ?? body.max_tokens) : value);
    } else if (handling !== 'own-ids' || (asked !== model && !asked.endsWith(`/${model}`))) {
      fitted.edits[parameter] = null;
      if (handling !== 'strip-quietly') fitted.stripped.push(parameter);
    }
  }
  return fitted;
};

/** The parameters that a request lost at its upstream, for `x-rightsize-stripped`. Never throws. */
export const strippedFrom = (request: ChatRequest, kind: UpstreamKind, model: string): string[] => {
  try {
    return fitParameters(request, kind, model).stripped;
  } catch {
    return [];
  }
};
