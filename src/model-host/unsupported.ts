import { GatewayError } from '../contract/errors.ts';
import type { ChatCompletionRequest } from '../contract/openai.ts';

/** Request fields that this host cannot honour, each with a test for the values that change nothing. */
const REFUSED: Record<string, (value: unknown) => boolean> = {
  // Its ids belong to the vocabulary of the model that the client had in mind, which is seldom this one.
  logit_bias: isEmpty,
  modalities: (value) => Array.isArray(value) && value.every((modality) => modality === 'text'),
  audio: () => false,
  web_search_options: () => false,
};

/** @throws GatewayError `unsupported_parameter` naming the first field that cannot be honoured: never dropped silently. */
export const refuseUnsupported = (request: ChatCompletionRequest): void => {
  for (const [param, changesNothing] of Object.entries(REFUSED)) {
    const value = request[param];
    if (value != null && !changesNothing(value)) throw unsupported(param);
  }
};

export const unsupported = (param: string): GatewayError =>
  new GatewayError('unsupported_parameter', `Unsupported parameter: '${param}' is not supported by this local model.`, {
    param,
  });

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && Object.keys(value!).length === 0;
}
