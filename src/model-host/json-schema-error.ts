import { GatewayError } from '../contract/errors.ts';

/** A part of a JSON Schema that no grammar of ours can honour; `path` is where it stands, as `#/properties/name`. */
export const schemaError = (param: string, path: string, problem: string): GatewayError =>
  new GatewayError('unsupported_parameter', `Invalid schema for '${param}': at ${path}, ${problem}.`, { param });
