import type { ModelTask } from './model-facts.ts';

/** A model that is worth having; `rightsize models pull <name>` fetches it. */
export type CatalogueEntry = {
  name: string;
  family: string;
  task: ModelTask;
  repository: string;
  quant: string;
  /**
   * In thousands of millions, rounded, of what is in the file: of Gemma 3 without its eyes. `active` are those that one
   * token passes through.
   */
  parametersB: number;
  activeB: number;
  contextTokens: number;
  license: string;
  strengths: string[];
};

/** Bits per weight of a file as a whole, its larger embedding tables included; rough. */
const BITS: Record<string, number> = { Q4_K_M: 4.9, Q8_0: 8.5, mxfp4: 4.7, f16: 16 };

const chat = (
  ...[name, family, repository, quant, parametersB, activeB, contextTokens, license, strengths]: [
    name: string,
    family: string,
    repository: string,
    quant: string,
    parametersB: number,
    activeB: number,
    contextTokens: number,
    license: string,
    strengths: string[],
  ]
): CatalogueEntry => {
  return { name, family, task: 'chat', repository, quant, parametersB, activeB, contextTokens, license, strengths };
};

/**
 * Families of small models with a quantisation that keeps most of their quality, from the weakest to the strongest by
 * our judgement of size and generation. Parameters, context and licences are those of the model cards; where each was
 * looked up is in docs/local-models.md. Context is what the card calls native, without stretching (YaRN). Sizes are
 * estimates, parameters times bits. Where a repository has moved or names its files otherwise, `pull` says what there is.
 */
export const CATALOGUE: CatalogueEntry[] = [
  chat('qwen2.5-0.5b', 'qwen', 'Qwen/Qwen2.5-0.5B-Instruct-GGUF', 'Q4_K_M', 0.5, 0.5, 32_768, 'apache-2.0', ['tiny']),
  chat('qwen3-0.6b', 'qwen', 'Qwen/Qwen3-0.6B-GGUF', 'Q8_0', 0.6, 0.6, 32_768, 'apache-2.0', ['tiny', 'tools']),
  chat('llama-3.2-1b', 'llama', 'bartowski/Llama-3.2-1B-Instruct-GGUF', 'Q4_K_M', 1.2, 1.2, 131_072, 'llama3.2', [
    ...['summaries', 'rewriting'],
  ]),
  chat('smollm2-1.7b', 'smollm', 'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF', 'Q4_K_M', 1.7, 1.7, 8192, 'apache-2.0', [
    ...['summaries', 'rewriting', 'english'],
  ]),
  chat('qwen2.5-1.5b', 'qwen', 'Qwen/Qwen2.5-1.5B-Instruct-GGUF', 'Q4_K_M', 1.5, 1.5, 32_768, 'apache-2.0', ['tools']),
  chat('qwen3-1.7b', 'qwen', 'Qwen/Qwen3-1.7B-GGUF', 'Q8_0', 1.7, 1.7, 32_768, 'apache-2.0', ['tools', 'reasoning']),
  chat('phi-2', 'phi', 'TheBloke/phi-2-GGUF', 'Q4_K_M', 2.7, 2.7, 2048, 'mit', ['english', 'completion']),
  chat('gemma-2-2b', 'gemma', 'bartowski/gemma-2-2b-it-GGUF', 'Q4_K_M', 2.6, 2.6, 8192, 'gemma', ['writing']),
  chat('llama-3.2-3b', 'llama', 'bartowski/Llama-3.2-3B-Instruct-GGUF', 'Q4_K_M', 3.2, 3.2, 131_072, 'llama3.2', [
    ...['summaries', 'tools'],
  ]),
  chat('phi-3-mini', 'phi', 'bartowski/Phi-3.1-mini-4k-instruct-GGUF', 'Q4_K_M', 3.8, 3.8, 4096, 'mit', ['reasoning']),
  chat('olmoe-1b-7b', 'olmoe', 'allenai/OLMoE-1B-7B-0924-Instruct-GGUF', 'Q4_K_M', 6.9, 1.3, 4096, 'apache-2.0', [
    ...['fast', 'open training data'],
  ]),
  chat(
    'mistral-7b-v0.3',
    'mistral',
    'bartowski/Mistral-7B-Instruct-v0.3-GGUF',
    'Q4_K_M',
    7.2,
    7.2,
    32_768,
    'apache-2.0',
    [...['writing', 'tools']],
  ),
  chat('phi-4-mini', 'phi', 'unsloth/Phi-4-mini-instruct-GGUF', 'Q4_K_M', 3.8, 3.8, 131_072, 'mit', [
    ...['reasoning', 'tools', 'mathematics'],
  ]),
  chat('gemma-3-4b', 'gemma', 'ggml-org/gemma-3-4b-it-GGUF', 'Q4_K_M', 3.9, 3.9, 131_072, 'gemma', [
    ...['languages', 'writing'],
  ]),
  chat('llama-3.1-8b', 'llama', 'bartowski/Meta-Llama-3.1-8B-Instruct-GGUF', 'Q4_K_M', 8, 8, 131_072, 'llama3.1', [
    ...['tools', 'languages'],
  ]),
  chat('qwen2.5-7b', 'qwen', 'Qwen/Qwen2.5-7B-Instruct-GGUF', 'Q4_K_M', 7.6, 7.6, 32_768, 'apache-2.0', [
    'tools',
    'code',
  ]),
  chat('qwen3-4b', 'qwen', 'Qwen/Qwen3-4B-GGUF', 'Q4_K_M', 4, 4, 32_768, 'apache-2.0', ['tools', 'reasoning', 'code']),
  chat('qwen3-8b', 'qwen', 'Qwen/Qwen3-8B-GGUF', 'Q4_K_M', 8.2, 8.2, 32_768, 'apache-2.0', [
    ...['tools', 'reasoning', 'code'],
  ]),
  chat('gemma-3-12b', 'gemma', 'ggml-org/gemma-3-12b-it-GGUF', 'Q4_K_M', 11.8, 11.8, 131_072, 'gemma', [
    ...['languages', 'writing'],
  ]),
  chat('phi-4', 'phi', 'bartowski/phi-4-GGUF', 'Q4_K_M', 14.7, 14.7, 16_384, 'mit', ['reasoning', 'mathematics']),
  chat('qwen2.5-14b', 'qwen', 'Qwen/Qwen2.5-14B-Instruct-GGUF', 'Q4_K_M', 14.8, 14.8, 32_768, 'apache-2.0', [
    ...['tools', 'code'],
  ]),
  chat('qwen3-14b', 'qwen', 'Qwen/Qwen3-14B-GGUF', 'Q4_K_M', 14.8, 14.8, 32_768, 'apache-2.0', [
    ...['tools', 'reasoning', 'code'],
  ]),
  chat('gpt-oss-20b', 'gpt-oss', 'ggml-org/gpt-oss-20b-GGUF', 'mxfp4', 20.9, 3.6, 131_072, 'apache-2.0', [
    ...['fast', 'reasoning', 'tools'],
  ]),
  chat('gemma-3-27b', 'gemma', 'ggml-org/gemma-3-27b-it-GGUF', 'Q4_K_M', 27, 27, 131_072, 'gemma', [
    ...['languages', 'writing'],
  ]),
  chat('qwen3-30b-a3b', 'qwen', 'Qwen/Qwen3-30B-A3B-GGUF', 'Q4_K_M', 30.5, 3.3, 32_768, 'apache-2.0', [
    ...['fast', 'tools', 'reasoning', 'code'],
  ]),
  chat('qwen3-32b', 'qwen', 'Qwen/Qwen3-32B-GGUF', 'Q4_K_M', 32.8, 32.8, 32_768, 'apache-2.0', [
    ...['tools', 'reasoning', 'code'],
  ]),
  chat('qwen2.5-72b', 'qwen', 'bartowski/Qwen2.5-72B-Instruct-GGUF', 'Q4_K_M', 72.7, 72.7, 32_768, 'qwen', [
    ...['tools', 'code', 'languages'],
  ]),
  {
    ...{ name: 'all-minilm', family: 'minilm', task: 'embeddings', quant: 'Q8_0', parametersB: 0.023, activeB: 0.023 },
    repository: 'second-state/All-MiniLM-L6-v2-Embedding-GGUF',
    ...{ contextTokens: 512, license: 'apache-2.0', strengths: ['fast', 'english', '384 dimensions'] },
  },
  {
    ...{ name: 'bge-small-en', family: 'bge', task: 'embeddings', quant: 'Q8_0', parametersB: 0.033, activeB: 0.033 },
    repository: 'CompendiumLabs/bge-small-en-v1.5-gguf',
    ...{ contextTokens: 512, license: 'mit', strengths: ['retrieval', 'english', '384 dimensions'] },
  },
  {
    ...{
      name: 'nomic-embed-text',
      family: 'nomic',
      task: 'embeddings',
      quant: 'Q8_0',
      parametersB: 0.137,
      activeB: 0.137,
    },
    repository: 'nomic-ai/nomic-embed-text-v1.5-GGUF',
    ...{ contextTokens: 2048, license: 'apache-2.0', strengths: ['retrieval', 'longer texts', '768 dimensions'] },
  },
  {
    ...{ name: 'bge-reranker-v2-m3', family: 'bge', task: 'rerank', quant: 'Q8_0', parametersB: 0.568, activeB: 0.568 },
    repository: 'gpustack/bge-reranker-v2-m3-GGUF',
    ...{ contextTokens: 8192, license: 'apache-2.0', strengths: ['reranking', 'languages'] },
  },
];

export const specOf = ({ repository, quant }: CatalogueEntry): string => `hf:${repository}:${quant}`;

/** Of its file, roughly. */
export const estimatedFileBytes = ({ parametersB, quant }: CatalogueEntry): number =>
  (parametersB * 1e9 * (BITS[quant] ?? 16)) / 8;

/** With a context of usual size beside the weights: a tenth more and half a gigabyte; an estimate of an estimate. */
export const estimatedMemoryBytes = (entry: CatalogueEntry): number => estimatedFileBytes(entry) * 1.1 + 0.5e9;

export const findInCatalogue = (name: string): CatalogueEntry | undefined =>
  CATALOGUE.find((entry) => entry.name === name.toLowerCase());
