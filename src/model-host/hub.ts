import { z } from 'zod';
import { ModelHostError } from './model-host-error.ts';

/** A server with Hugging Face's API: the endpoint without a slash at its end, and a token where one is needed. */
export type HubRequest = { endpoint: string; token: string | null; connectTimeoutMs?: number };

/** A GGUF file of a repository; `sha256` in hex, where the server knows it. */
export type HubFile = { path: string; sizeBytes: number; sha256: string | null };

export const CONNECT_TIMEOUT_MS = 10_000;
/** What is taken when nobody asked for a quantisation: small with little loss, else nearly lossless. */
const DEFAULT_QUANTS = ['Q4_K_M', 'Q8_0'];

const TreeSchema = z.array(
  z.looseObject({
    type: z.string(),
    path: z.string(),
    size: z.number(),
    lfs: z.looseObject({ oid: z.string() }).nullish(),
  }),
);

/**
 * The GGUF files of a repository (https://huggingface.co/docs/hub/api, "tree").
 * @throws ModelHostError for an unknown or closed repository, or no network.
 */
export const listHubFiles = async (repository: string, request: HubRequest): Promise<HubFile[]> => {
  const response = await fetchFromHub(`${request.endpoint}/api/models/${repository}/tree/main?recursive=true`, request);
  const tree = TreeSchema.safeParse(await response.json().catch(() => null));
  if (!tree.success)
    throw new ModelHostError(`${request.endpoint} does not answer like Hugging Face. Check HF_ENDPOINT.`);
  return tree.data
    .filter((entry) => entry.type === 'file' && entry.path.endsWith('.gguf'))
    .map((entry) => ({ path: entry.path, sizeBytes: entry.size, sha256: entry.lfs?.oid ?? null }));
};

/**
 * GET with the token, bounded in the time to the response's headers.
 * @param headers more of them; @param signal ends the body too.
 * @throws ModelHostError for every answer that is not a success, and when there is no answer.
 */
export const fetchFromHub = async (
  url: string,
  request: HubRequest,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> => {
  const connecting = new AbortController();
  const timeoutMs = request.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const timer = setTimeout(() => connecting.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    const response = await fetch(url, {
      headers: { ...headers, ...(request.token && { authorization: `Bearer ${request.token}` }) },
      signal: signal ? AbortSignal.any([signal, connecting.signal]) : connecting.signal,
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new ModelHostError(refusal(url, response.status));
  } catch (error) {
    if (error instanceof ModelHostError) throw error;
    const { cause, message } = error as Error;
    throw new ModelHostError(
      `${new URL(url).origin} cannot be reached (${(cause as Error | undefined)?.message || message}). Check the network or set HF_ENDPOINT to a mirror, or give the path of a GGUF file that is on this machine.`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
};

/**
 * The file that is wanted, with all its parts; null when there is none. Vision projectors are never chosen.
 * A quantisation is a whole word of the name, in any case; of several such files the one with the shortest name.
 */
export const chooseFiles = (
  files: HubFile[],
  wanted: { quant: string } | { file: string } | null,
): HubFile[] | null => {
  const models = files
    .filter((file) => !/mmproj/i.test(file.path) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/.test(file.path))
    .sort((a, b) => a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
  if (wanted && 'file' in wanted)
    return withParts(
      files,
      files.find((file) => file.path === wanted.file),
    );
  for (const quant of wanted ? [wanted.quant] : DEFAULT_QUANTS) {
    const word = new RegExp(`(^|[-._/])${quant.replaceAll('.', '\\.')}([-._/])`, 'i');
    const found = withParts(
      files,
      models.find((file) => word.test(file.path)),
    );
    if (found) return found;
  }
  return wanted ? null : withParts(files, models.length === 1 ? models[0] : undefined);
};

const withParts = (files: HubFile[], first: HubFile | undefined): HubFile[] | null => {
  if (!first) return null;
  const [, stem, count] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(first.path) ?? [];
  if (!stem || !count) return [first];
  const parts = files.filter((file) => file.path.startsWith(`${stem}-`) && file.path.endsWith(`-of-${count}.gguf`));
  return parts.length === Number(count) ? parts.sort((a, b) => (a.path < b.path ? -1 : 1)) : null;
};

const refusal = (url: string, status: number): string => {
  const { origin, pathname } = new URL(url);
  if (status === 401 || status === 403) {
    return `${origin} refuses ${pathname} (${status}). It is private or gated, or does not exist: accept its licence there and set HF_TOKEN.`;
  }
  if (status === 404) return `${origin} has no ${pathname} (404). Check the owner, the repository and the file name.`;
  return `${origin} answered ${status} for ${pathname}. Try again later, or set HF_ENDPOINT to a mirror.`;
};
