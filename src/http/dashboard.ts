import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
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

type Asset = { bytes: Buffer<ArrayBuffer>; compressed: Buffer<ArrayBuffer>; headers: Record<string, string> };

/**
 * The dashboard's files, from the folder that its build fills. They are read once, when somebody first looks, and kept
 * in memory with their compressed form (some 2 MB). Names of built assets hold a hash of their content, so browsers keep
 * those for a year; the page itself is asked for anew. Paths that name no file are the page's own.
 */
export const dashboardRoutes = (folder: string): Hono => {
  let assets: Map<string, Asset> | null = null;
  return new Hono().get('/*', (context) => {
    assets ??= readAssets(folder);
    const path = context.req.path.replace(/^\/dashboard\/?/, '');
    const asset = assets.get(path) ?? (path.startsWith('assets/') ? undefined : assets.get('index.html'));
    if (assets.size === 0) {
      throw new GatewayError('not_found', 'The dashboard is not built: run "npm run build:dashboard" in this clone.');
    }
    if (asset === undefined) throw new GatewayError('not_found', `No such file: ${context.req.path}`);
    const isCompressed = /\bbr\b/.test(context.req.header('accept-encoding') ?? '');
    return context.body(isCompressed ? asset.compressed : asset.bytes, 200, {
      ...asset.headers,
      ...(isCompressed && { 'content-encoding': 'br' }),
    });
  });
};

const readAssets = (folder: string): Map<string, Asset> => {
  const names = readFolder(folder);
  return new Map(
    names.map((name) => {
      const bytes = readFileSync(join(folder, name));
      const path = relative('', name).split(sep).join('/');
      return [path, { bytes, compressed: compress(bytes), headers: headersOf(path) }];
    }),
  );
};

const readFolder = (folder: string): string[] => {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
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

/** Quality 5: a tenth of a second for all files, once. */
const compress = (bytes: Buffer) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }) as Buffer<ArrayBuffer>;
