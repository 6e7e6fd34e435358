import exec from 'k6/execution';
import http, { type RefinedResponse, type ResponseType } from 'k6/http';
import { chatBody } from './chat-body.ts';

/** The gateway as the k6 scripts see it. `RIGHTSIZE_URL` and `RIGHTSIZE_API_KEY` come from `run.ts`, or from the user. */
export const GATEWAY = __ENV['RIGHTSIZE_URL'] ?? 'http://127.0.0.1:8787';
export const COMPLETIONS = `${GATEWAY}/v1/chat/completions`;

export const HEADERS: Record<string, string> = {
  'content-type': 'application/json',
  ...(__ENV['RIGHTSIZE_API_KEY'] && { authorization: `Bearer ${__ENV['RIGHTSIZE_API_KEY']}` }),
};

/** A setting of the script as a number. */
export const setting = (name: string, fallback: number): number => {
  const value = Number(__ENV[name] ?? fallback);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${name} must be a number, not "${__ENV[name]}"`);
};

/** Another one in each of k6's users, who all read this file for themselves. */
const RUN = Math.random().toString(36).slice(2, 10);

/** Sends one chat request that no other request equals; every second one is demanding. */
export const ask = (options: { isStream: boolean; tag: string }): RefinedResponse<ResponseType | undefined> => {
  const { name, iterationInTest } = exec.scenario;
  const id = `${RUN}-${name}-${iterationInTest}`;
  const body = chatBody({ id, isHard: iterationInTest % 2 === 1, isStream: options.isStream });
  return http.post(COMPLETIONS, body, { headers: HEADERS, tags: { name: options.tag } });
};
