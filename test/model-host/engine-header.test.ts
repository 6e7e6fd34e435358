import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLlama, LlamaLogLevel, readGgufFileInfo, type Token } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { buildFlatModel } from '../../scripts/gguf/flat-model.ts';
import { loadEngine } from '../../src/model-host/engine.ts';
import { toTokenBytes } from '../../src/model-host/token-bytes.ts';
import { temporaryFolder } from './support/test-models.ts';

test('a long vocabulary is not read into JavaScript, all else of the header is, and tokens have their bytes', async () => {
  const path = join(temporaryFolder(), 'wide.gguf');
  writeFileSync(path, buildFlatModel({ vocabulary: 6000, seed: 1 }));
  const { tokens, scores, token_type, merges, ...before } = (await readGgufFileInfo(path)).metadata.tokenizer.ggml;
  await loadEngine('', 'off');
  const info = await readGgufFileInfo(path);
  const { tokens: lengthOnly, scores: _, token_type: __, merges: ___, ...after } = info.metadata.tokenizer.ggml;
  expect(lengthOnly).toEqual({ length: 6000 });
  expect(after).toEqual(before);
  expect(info.tensorInfo).toHaveLength(Number(info.totalTensorCount));

  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: path });
  // GPT-2's symbol of the byte that most three-byte characters begin with.
  const part = tokens.indexOf('â') as Token;
  expect(model.detokenize([part], true)).toBe('\uFFFD');
  expect(toTokenBytes(model, part)).toEqual([0xe2]);
  await llama.dispose();
});
