import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../lib/usage-error.ts';
import { type LabelledRow, LabelledRowSchema } from './labelled-row.ts';
import { RowError, readRows } from './read-rows.ts';

export type LabelledFile = { name: string; sha256: string; rows: LabelledRow[] };

/**
 * Reads files of labelled rows (`LabelledRowSchema`), plain or gzipped JSONL, each whole into memory.
 * `sha256` is of the JSONL, so compressing a file again does not change it.
 * @throws UsageError when a file cannot be read; RowError at a bad row or an id that was there before.
 */
export const readLabelledFiles = async (paths: readonly string[]): Promise<LabelledFile[]> => {
  if (paths.length === 0) throw new UsageError('name at least one file of labelled rows with --data');
  const ids = new Set<string | number>();
  const files: LabelledFile[] = [];
  for (const path of paths) {
    const bytes = await readBytes(path);
    const rows: LabelledRow[] = [];
    for await (const row of readRows([bytes.toString('utf8')], LabelledRowSchema, path)) {
      if (ids.has(row.id)) throw new RowError(`${path}: the id ${JSON.stringify(row.id)} is there twice`);
      ids.add(row.id);
      rows.push(row);
    }
    files.push({ name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), rows });
  }
  return files;
};

const readBytes = async (path: string): Promise<Buffer> => {
  try {
    const bytes = await readFile(path);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
};
