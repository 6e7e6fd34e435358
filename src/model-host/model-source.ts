import { existsSync, mkdirSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DownloadProgress, downloadFile } from './download.ts';
import { chooseFiles, type HubFile, type HubRequest, listHubFiles } from './hub.ts';
import { toGigabytes } from './machine-memory.ts';
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

const PARALLEL_DOWNLOADS = 4;

/** In `src/model-host` and in `dist/model-host` alike, the package's root is two folders up. */
const NANO_PATH = fileURLToPath(new URL('../../models/nano/rightsize-nano.gguf', import.meta.url));

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
  if (parsed.kind === 'path') return findLocalFiles(parsed, options.modelsDir) ?? [parsed.path];
  const present = findLocalFiles(parsed, options.modelsDir);
  if (present) return present;
  const folder = join(options.modelsDir, parsed.repository);
  const chosen = await findHubFiles(spec, parsed, options);
  return downloadAll(parsed.repository, chosen, folder, options);
};

/**
 * All parts of a model, up to four at a time; progress is told of all of them together.
 * @returns their paths, in order.
 */
const downloadAll = async (repository: string, files: HubFile[], folder: string, options: ResolveOptions) => {
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const doneBytes = files.map((file) => (existsSync(join(folder, file.path)) ? file.sizeBytes : 0));
  checkDisk(folder, totalBytes - doneBytes.reduce((sum, bytes) => sum + bytes, 0));
  const name = basename(files[0]!.path) + (files.length > 1 ? ` (${files.length} parts)` : '');
  const waiting = [...files.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, file] = next;
      const onProgress = (progress: DownloadProgress) => {
        doneBytes[index] = progress.bytes;
        options.onProgress({ file: name, bytes: doneBytes.reduce((sum, bytes) => sum + bytes, 0), totalBytes });
      };
      await downloadHubFile(repository, file, folder, { ...options, onProgress });
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_DOWNLOADS, files.length) }, work));
  return files.map((file) => join(folder, file.path));
};

/** Some gigabytes later it would be too late. What an unfinished download has already counts as room. */
const checkDisk = (folder: string, neededBytes: number): void => {
  mkdirSync(folder, { recursive: true });
  const { bavail, bsize } = statfsSync(folder);
  const unfinished = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.part'),
  );
  const roomBytes = unfinished.reduce((sum, path) => sum + statSync(join(folder, path)).size, bavail * bsize);
  if (neededBytes <= roomBytes) return;
  throw new ModelHostError(
    `The download needs ${toGigabytes(neededBytes)} and the disk of ${folder} has ${toGigabytes(bavail * bsize)} free. Make room, choose a smaller model, or set RIGHTSIZE_DATA_DIR.`,
  );
};

/** The files of a model that are on this machine, whether or not a path leads anywhere; null for one still to download. */
export const findLocalFiles = (parsed: ModelSpec, modelsDir: string): string[] | null => {
  if (parsed.kind === 'path') return parsed.path.endsWith('.gguf') ? withItsParts(parsed.path) : [parsed.path];
  const folder = join(modelsDir, parsed.repository);
  return chooseFiles(listLocalFiles(folder), parsed.wanted)?.map((file) => join(folder, file.path)) ?? null;
};

/** The files of a model on the hub, all parts in order. @throws ModelHostError that names those that there are. */
export const findHubFiles = async (
  spec: string,
  { repository, wanted }: ModelSpec & { kind: 'hub' },
  request: HubRequest,
): Promise<HubFile[]> => {
  const files = await listHubFiles(repository, request);
  const chosen = chooseFiles(files, wanted);
  if (chosen) return chosen;
  const names = files.map((file) => file.path).join(', ') || 'no GGUF file';
  throw new ModelHostError(`${spec} does not exist. The repository has: ${names}.`);
};

/** Where the hub has a file's content. */
export const hubUrl = (endpoint: string, repository: string, path: string): string =>
  `${endpoint}/${repository}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`;

const downloadHubFile = async (repository: string, file: HubFile, folder: string, options: ResolveOptions) => {
  const path = join(folder, file.path);
  if (existsSync(path)) return path;
  const url = hubUrl(options.endpoint, repository, file.path);
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
