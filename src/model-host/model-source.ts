import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DownloadProgress, downloadFile } from './download.ts';
import { chooseFiles, type HubFile, type HubRequest, listHubFiles } from './hub.ts';
import { ModelHostError } from './model-host-error.ts';

/** How a model is written down: `builtin:nano`, `hf:owner/repo[:quant]`, `hf:owner/repo/file.gguf`, or a path. */
export type ModelSpec =
  | { kind: 'path'; path: string }
  /** `wanted` is a quantisation such as `Q4_K_M`, or a file of the repository, or null for our choice. */
  | { kind: 'hub'; repository: string; wanted: { quant: string } | { file: string } | null };

export type ResolveOptions = HubRequest & {
  modelsDir: string;
  onProgress: (progress: DownloadProgress) => void;
  /** Limits for tests; see `downloadFile`. */
  idleTimeoutMs?: number;
};

/** In `src/model-host` and in `dist/model-host` alike, the package's root is two folders up. */
const NANO_PATH = fileURLToPath(new URL('../../models/nano/rightsize-nano-untrained.gguf', import.meta.url));

/** @throws ModelHostError when it is none of the forms. */
export const parseModelSpec = (spec: string): ModelSpec => {
  if (spec === 'builtin:nano') return { kind: 'path', path: NANO_PATH };
  if (!spec.startsWith('hf:')) return { kind: 'path', path: spec };
  const [, repository, file, quant] = /^hf:([\w.-]+\/[\w.-]+)(?:\/([^:]+\.gguf)|:([\w.-]+))?$/.exec(spec) ?? [];
  const names = [...(repository?.split('/') ?? []), ...(file?.split('/') ?? [])];
  if (!repository || names.some((name) => /^\.*$/.test(name))) {
    throw new ModelHostError(
      `"${spec}" is not a model: write hf:owner/repo, hf:owner/repo:Q4_K_M or hf:owner/repo/file.gguf.`,
    );
  }
  return { kind: 'hub', repository, wanted: file ? { file } : quant ? { quant } : null };
};

/**
 * The local files of a model, in order when it has several parts. What a `hf:` spec names is downloaded to
 * `<modelsDir>/<owner>/<repo>/` unless it is there already; then no network is needed.
 * @throws ModelHostError with what to do: unknown repository or quantisation, no network, no access, wrong checksum.
 */
export const resolveModel = async (spec: string, options: ResolveOptions): Promise<string[]> => {
  const parsed = parseModelSpec(spec);
  if (parsed.kind === 'path') return parsed.path.endsWith('.gguf') ? withItsParts(parsed.path) : [parsed.path];
  const folder = join(options.modelsDir, parsed.repository);
  const present = chooseFiles(listLocalFiles(folder), parsed.wanted);
  if (present) return present.map((file) => join(folder, file.path));

  const files = await listHubFiles(parsed.repository, options);
  const chosen = chooseFiles(files, parsed.wanted);
  if (!chosen) {
    const names = files.map((file) => file.path).join(', ') || 'no GGUF file';
    throw new ModelHostError(`${spec} does not exist. The repository has: ${names}.`);
  }
  const paths: string[] = [];
  for (const file of chosen) paths.push(await downloadHubFile(parsed.repository, file, folder, options));
  return paths;
};

const downloadHubFile = async (repository: string, file: HubFile, folder: string, options: ResolveOptions) => {
  const path = join(folder, file.path);
  if (existsSync(path)) return path;
  const url = `${options.endpoint}/${repository}/resolve/main/${file.path.split('/').map(encodeURIComponent).join('/')}`;
  await downloadFile({ ...options, url, path, sizeBytes: file.sizeBytes, sha256: file.sha256 });
  return path;
};

/** All parts beside `x-00001-of-00003.gguf`; the engine opens the others by itself, but we check them first. */
const withItsParts = (path: string): string[] => {
  const [, stem, count] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(basename(path)) ?? [];
  if (!stem || !count) return [path];
  return Array.from({ length: Number(count) }, (_, index) =>
    join(dirname(path), `${stem}-${String(index + 1).padStart(5, '0')}-of-${count}.gguf`),
  );
};

const listLocalFiles = (folder: string): HubFile[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.gguf'))
        .map((path) => ({ path, sizeBytes: 0, sha256: null }))
    : [];
