import { type GgufHeader, type GgufTensor, valuesOf } from './gguf-header.ts';
import { FILE_TYPES } from './tensor-types.ts';

/** What a model is for: `chat` writes text, `embeddings` makes vectors, `rerank` scores documents. */
export type ModelTask = 'chat' | 'embeddings' | 'rerank';

/** What a model's header says, without a number of it being read. */
export type HeaderFacts = {
  architecture: string;
  name: string | null;
  task: ModelTask;
  /** Numbers in all tensors, and those of them that one token passes through; the same without experts. */
  parameters: number;
  activeParameters: number;
  /** 0 where there are none. */
  experts: number;
  expertsUsed: number;
  quantisation: string;
  trainedContextTokens: number;
  layers: number;
  /** Of its tensors, which is what it takes in memory. */
  weightBytes: number;
  hasChatTemplate: boolean;
  /** How the template writes a tool call, by the marks in it; null where it has none. */
  toolSyntax: string | null;
  /** Words by which the file gives itself away: its licence's name. */
  license: string | null;
  shape: AttentionShape;
};

/** What the memory of a context depends on. */
export type AttentionShape = {
  /** Numbers that one layer keeps of one token, keys and values together; by layer. */
  keptPerToken: number[];
  /** Layers that look back only so many tokens; 0 when all look at everything. */
  windowTokens: number;
  isWindowed: boolean[];
  embedding: number;
  feedForward: number;
  vocabulary: number;
};

/** Encoders: they read both ways and write nothing. */
const ENCODERS = /bert|^t5encoder$/;
const RANK_POOLING = 4;
const MAX_LAYERS = 1024;

/** @param headers of all the parts of one model, in order; the first one's metadata counts. */
export const toModelFacts = (headers: GgufHeader[]): HeaderFacts => {
  const first = headers[0]!;
  const text = (key: string) => asText(first.metadata.get(key));
  const architecture = text('general.architecture') ?? 'unknown';
  const number = (key: string) => asNumber(first.metadata.get(`${architecture}.${key}`)) ?? 0;
  const tensors = headers.flatMap((header) => header.tensors);
  const experts = number('expert_count');
  const expertsUsed = number('expert_used_count');
  const template = text('tokenizer.chat_template');
  return {
    architecture,
    name: text('general.name'),
    task: taskOf(architecture, asNumber(first.metadata.get(`${architecture}.pooling_type`))),
    parameters: tensors.reduce((sum, tensor) => sum + valuesOf(tensor), 0),
    activeParameters: Math.round(tensors.reduce((sum, tensor) => sum + activeValues(tensor, experts, expertsUsed), 0)),
    experts,
    expertsUsed,
    quantisation: quantisationOf(first, tensors),
    trainedContextTokens: number('context_length'),
    layers: number('block_count'),
    weightBytes: Math.round(tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0)),
    hasChatTemplate: template !== null,
    toolSyntax: template === null ? null : toolSyntaxOf(template),
    license: text('general.license'),
    shape: shapeOf(first, architecture, tensors),
  };
};

const taskOf = (architecture: string, pooling: number | null): ModelTask => {
  if (pooling === RANK_POOLING) return 'rerank';
  return ENCODERS.test(architecture) || (pooling !== null && pooling > 0) ? 'embeddings' : 'chat';
};

const bytesOf = (tensor: GgufTensor): number => (valuesOf(tensor) / tensor.type.values) * tensor.type.bytes;

/** Experts lie in one tensor, `…_exps`, of which a token passes through those that the router chose. */
const activeValues = (tensor: GgufTensor, experts: number, expertsUsed: number): number => {
  const values = valuesOf(tensor);
  return experts > 0 && tensor.name.includes('_exps.') ? (values * expertsUsed) / experts : values;
};

const quantisationOf = ({ metadata }: GgufHeader, tensors: GgufTensor[]): string => {
  const named = FILE_TYPES[asNumber(metadata.get('general.file_type')) ?? -1];
  if (named) return named;
  const bytesByType = new Map<string, number>();
  for (const tensor of tensors) {
    bytesByType.set(tensor.type.name, (bytesByType.get(tensor.type.name) ?? 0) + valuesOf(tensor));
  }
  return [...bytesByType].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'unknown';
};

const TOOL_SYNTAXES: [mark: RegExp, syntax: string][] = [
  [/<\|channel\|>|<\|recipient\|>|to=functions/, 'harmony (gpt-oss)'],
  [/\[TOOL_CALLS\]/, 'Mistral [TOOL_CALLS]'],
  [/<\|python_tag\|>|ipython/, 'Llama 3 JSON'],
  [/<function=/, '<function=…>'],
  [/<tool_call>/, '<tool_call> JSON (Hermes, Qwen)'],
  [/functools\[/, 'functools[…]'],
  [/<\|tool_call\|>|<\|tool\|>/, 'Phi <|tool_call|>'],
  [/tool_calls|tools/, 'of its own'],
];

const toolSyntaxOf = (template: string): string | null =>
  TOOL_SYNTAXES.find(([mark]) => mark.test(template))?.[1] ?? null;

/**
 * Every how many layers one looks at everything, where the others look back `attention.sliding_window` tokens only
 * (llama.cpp, src/llama-model.cpp, `set_swa_pattern`); other architectures count as looking at everything.
 */
const WINDOW_PATTERNS: Record<string, number> = { gemma2: 2, gemma3: 6, 'gpt-oss': 2, cohere2: 4 };

const shapeOf = ({ metadata }: GgufHeader, architecture: string, tensors: GgufTensor[]): AttentionShape => {
  const number = (key: string) => asNumber(metadata.get(`${architecture}.${key}`)) ?? 0;
  // A hostile file may claim four billion layers.
  const layers = Math.min(number('block_count'), MAX_LAYERS);
  const heads = asList(metadata.get(`${architecture}.attention.head_count`), layers);
  const keyHeads = asList(metadata.get(`${architecture}.attention.head_count_kv`), layers) ?? heads;
  const embedding = number('embedding_length');
  const headWidth = heads?.[0] ? embedding / heads[0] : 0;
  const keyLength = number('attention.key_length') || headWidth;
  const valueLength = number('attention.value_length') || headWidth;
  const pattern = WINDOW_PATTERNS[architecture];
  const windowTokens = number('attention.sliding_window');
  const vocabulary = tensors.find(({ name }) => name === 'token_embd.weight')?.dimensions[1] ?? 0;
  return {
    keptPerToken: Array.from({ length: layers }, (_, layer) => (keyHeads?.[layer] ?? 0) * (keyLength + valueLength)),
    windowTokens,
    isWindowed: Array.from({ length: layers }, (_, layer) =>
      Boolean(pattern && windowTokens && (layer + 1) % pattern !== 0),
    ),
    embedding,
    feedForward: Math.max(number('feed_forward_length'), number('expert_feed_forward_length')),
    vocabulary,
  };
};

const asText = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const asNumber = (value: unknown): number | null => (typeof value === 'number' ? value : null);
/** One number for every layer, or a list of them. */
const asList = (value: unknown, layers: number): number[] | null =>
  typeof value === 'number' ? Array<number>(layers).fill(value) : Array.isArray(value) ? value : null;
