import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { Hono } from 'hono';
import { GatewayError } from '../contract/errors.ts';
import { pageHeaders } from './security-headers.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

type Bytes = Buffer<ArrayBuffer>;
type Asset = { bytes: Bytes; compressed: Record<'br' | 'gzip', Bytes>; headers: Record<string, string> };

/**
 * The dashboard's files, from the folder that its build fills. They are read once, when somebody first looks, and kept
 * in memory with their compressed forms (some 3 MB), which are made off the thread of requests. Names of built assets hold
 * a hash of their content, so browsers keep those for a year; the page itself is asked for anew. Paths that name no file
 * are the page's own.
 */
export const dashboardRoutes = (folder: string): Hono => {
  let reading: Promise<Map<string, Asset>> | null = null;
  return new Hono().get('/*', async (context) => {
    reading ??= readAssets(folder);
    const assets = await reading;
    const path = context.req.path.replace(/^\/dashboard\/?/, '');
    const asset = assets.get(path) ?? (path.startsWith('assets/') ? undefined : assets.get('index.html'));
    if (assets.size === 0) {
      throw new GatewayError('not_found', 'The dashboard is not built: run "npm run build:dashboard" in this clone.');
    }
    if (asset === undefined) throw new GatewayError('not_found', `No such file: ${context.req.path}`);
    const accepted = context.req.header('accept-encoding') ?? '';
    // Browsers offer brotli only over TLS and to their own machine.
    const encoding = (['br', 'gzip'] as const).find((name) => new RegExp(`\\b${name}\\b`).test(accepted));
    return context.body(encoding === undefined ? asset.bytes : asset.compressed[encoding], 200, {
      ...asset.headers,
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    });
  });
};

const readAssets = async (folder: string): Promise<Map<string, Asset>> => {
  const names = await readFolder(folder);
  const assets = await Promise.all(
    names.map(async (name): Promise<[string, Asset]> => {
      const bytes = await readFile(join(folder, name));
      const path = name.split(sep).join('/');
      return [path, { bytes, compressed: await compress(bytes), headers: headersOf(path) }];
    }),
  );
  return new Map(assets);
};

const readFolder = async (folder: string): Promise<string[]> => {
  try {
    return (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  } catch {
    return [];
  }
};

const headersOf = (path: string): Record<string, string> => ({
  ...pageHeaders(),
  vary: 'accept-encoding',
  'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
  'cache-control': path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
});

/** Of brotli quality 5: beyond it, files get little smaller and take much longer. */
const compress = async (bytes: Bytes): Promise<Asset['compressed']> => ({
  br: (await toBrotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })) as Bytes,
  gzip: (await toGzip(bytes)) as Bytes,
});
const toBrotli = promisify(brotliCompress);
const toGzip = promisify(gzip);
