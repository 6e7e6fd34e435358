import { basename } from 'node:path';
import { estimateMemory, type MemoryEstimate } from './estimate-memory.ts';
import { checkGgufFile } from './gguf-file.ts';
import type { HubRequest } from './hub.ts';
import { type HeaderFacts, toModelFacts } from './model-facts.ts';
import { findHubFiles, findLocalFiles, hubUrl, type ModelSpec, parseModelSpec } from './model-source.ts';
import { readRemoteHeader } from './remote-header.ts';

export type Inspection = {
  facts: HeaderFacts;
  memory: MemoryEstimate;
  sizeBytes: number;
  /** Local paths, or addresses of a file that was not downloaded. */
  files: string[];
  isLocal: boolean;
};

export type InspectOptions = HubRequest & { modelsDir: string; contextTokens: number; parallel: number };

/**
 * What a model is and what it takes, from the headers of its files: those on this machine, or those on the hub, of
 * which a few megabytes are fetched.
 * @throws ModelHostError in words.
 */
export const inspectModel = async (spec: string, options: InspectOptions): Promise<Inspection> => {
  const parsed = parseModelSpec(spec);
  const local = findLocalFiles(parsed, options.modelsDir);
  if (local) return inspectFiles(local, options);
  return inspectRemote(spec, parsed as ModelSpec & { kind: 'hub' }, options);
};

/** @param paths all parts of one model, in order. */
export const inspectFiles = (paths: string[], context: { contextTokens: number; parallel: number }): Inspection => {
  const files = paths.map(checkGgufFile);
  const facts = toModelFacts(files.map((file) => file.header));
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { facts, memory: estimateMemory(facts, context), sizeBytes, files: paths, isLocal: true };
};

const inspectRemote = async (
  spec: string,
  parsed: ModelSpec & { kind: 'hub' },
  options: InspectOptions,
): Promise<Inspection> => {
  const files = await findHubFiles(spec, parsed, options);
  const urls = files.map((file) => hubUrl(options.endpoint, parsed.repository, file.path));
  const headers = [];
  for (const [index, { path, sizeBytes }] of files.entries()) {
    headers.push(await readRemoteHeader(urls[index]!, { name: basename(path), sizeBytes }, options));
  }
  const facts = toModelFacts(headers);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { facts, memory: estimateMemory(facts, options), sizeBytes, files: urls, isLocal: false };
};
