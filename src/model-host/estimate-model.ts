import { estimateMemory } from './estimate-memory.ts';
import { checkGgufFile } from './gguf-file.ts';
import { toModelFacts } from './model-facts.ts';
import { findLocalFiles, parseModelSpec } from './model-source.ts';

/**
 * What a model of this machine takes in memory, in bytes; null for one that is not here yet, and for one that cannot be
 * read: its host will say why. Reads the headers of its files, which takes milliseconds.
 */
export const estimateModelBytes = (
  spec: string,
  modelsDir: string,
  context: { contextTokens: number; parallel: number },
): number | null => {
  try {
    const paths = findLocalFiles(parseModelSpec(spec), modelsDir);
    if (!paths) return null;
    return estimateMemory(toModelFacts(paths.map((path) => checkGgufFile(path).header)), context).totalBytes;
  } catch {
    return null;
  }
};
