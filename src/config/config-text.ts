import { resolve } from 'node:path';
import { decodeText, readFileBounded } from './read-text.ts';
import { versionOf } from './version.ts';
import { YamlSource } from './yaml-source.ts';

/** A routes.yaml as it stands on disk, valid or not. `maskedText`: the same with literal secrets as asterisks. */
export type ConfigText = { text: string; maskedText: string; version: string };

/** Null when there is no such file, or what is there is no text. */
export const readConfigText = async (file: string): Promise<ConfigText | null> => {
  const bytes = await readFileBounded(resolve(file)).catch(() => null);
  if (bytes === null) return null;
  const decoded = decodeText(bytes);
  if ('fault' in decoded) return null;
  return { text: decoded.text, maskedText: new YamlSource(decoded.text).maskedText, version: versionOf(bytes) };
};
