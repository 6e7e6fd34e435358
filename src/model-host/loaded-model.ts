import type { ChatWrapper, Llama, LlamaContext, LlamaModel } from 'node-llama-cpp';
import { Batches } from './batches.ts';
import { type ChatParts, loadChatParts } from './chat-template.ts';
import { type Engine, type GpuChoice, loadEngine } from './engine.ts';
import { type Internals, internalsOf } from './engine-internals.ts';
import { estimateMemory } from './estimate-memory.ts';
import { checkGgufFile } from './gguf-file.ts';
import { machineMemory, missingGpuBinaries, toGigabytes } from './machine-memory.ts';
import { type HeaderFacts, type ModelTask, toModelFacts } from './model-facts.ts';
import { ModelHostError } from './model-host-error.ts';
import { ReadingPace } from './reading-pace.ts';

export type LoadOptions = {
  /** The local file; of a model in parts, all of them in order. */
  paths: string[];
  engineDir: string;
  contextTokens: number;
  parallel: number;
  gpu: GpuChoice;
  threads: number;
  /** Whether this process has one thread for all work of the engine; see `BatchesOptions`. */
  isSerial: boolean;
  /** 0 to 1. */
  onProgress: (progress: number) => void;
  onLog: (line: string) => void;
};

/** A model in memory; `chat` is null for one that only makes vectors or scores. */
export type Loaded = { model: LlamaModel; facts: ModelFacts; chat: LoadedModel | null };

/** A chat model with one context of `parallel` sequences. */
export type LoadedModel = ChatParts & {
  model: LlamaModel;
  context: LlamaContext;
  /** The engine's knowledge of formats, for a model without a template that runs; else null. */
  chatWrapper: ChatWrapper | null;
  internals: Internals;
  /** Of the context's sequences. */
  batches: Batches;
  readingPace: ReadingPace;
  /** Prompt and answer of one request together; never more than the model was trained on. */
  contextTokens: number;
  facts: ModelFacts;
};

export type ModelFacts = {
  architecture: string;
  task: ModelTask;
  /** Whether `/v1/embeddings` and `/v1/rerank` answer. */
  embeds: boolean;
  ranks: boolean;
  parameters: number;
  activeParameters: number;
  quantisation: string;
  sizeBytes: number;
  /** Weights, context and working memory, as estimated from the header; see `estimateMemory`. */
  memoryBytes: number;
  contextTokens: number;
  trainedContextTokens: number;
  /** `cuda`, `vulkan`, `metal`, or `off` when everything runs on the CPU. */
  gpu: string;
  gpuDevices: string[];
  gpuLayers: number;
  layers: number;
  /** `auto`: the engine uses it where the accelerator and the model allow. */
  flashAttention: string;
  threads: number;
  /** What is left unused on this machine and how to use it, in words; else null. */
  hint: string | null;
};

/**
 * Checks the files, starts the engine and puts the model into memory: seconds to minutes. As many layers go to the
 * accelerator as fit into its free memory beside the context; the rest runs on the CPU.
 * @throws ModelHostError when a file is unfit, there is no engine, it refuses the model, or memory does not suffice.
 */
export const loadModel = async (options: LoadOptions): Promise<Loaded> => {
  const engine = await loadEngine(options.engineDir, options.gpu);
  const complaints: string[] = [];
  // It tries itself in a process of its own first: the files are read meanwhile.
  const starting = startEngine(engine, options, complaints);
  starting.catch(() => {});
  const files = options.paths.map(checkGgufFile);
  const header = toModelFacts(files.map((file) => file.header));
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const llama = await starting;
  await checkMemory(llama, sizeBytes);
  try {
    const model = await llama.loadModel({
      modelPath: options.paths[0]!,
      // As many as fit, by the engine's own estimate of what the context needs beside them.
      gpuLayers: options.gpu === 'off' ? 0 : 'auto',
      onLoadProgress: options.onProgress,
    });
    const contextTokens = Math.min(options.contextTokens, model.trainContextSize);
    const facts = await describe(llama, model, header, { ...options, contextTokens, sizeBytes });
    if (header.task !== 'chat') return { model, facts, chat: null };
    const context = await model.createContext({ contextSize: contextTokens, sequences: options.parallel });
    const chatFacts = { ...facts, flashAttention: String(context.flashAttention) };
    const internals = internalsOf(model, context);
    const parts = loadChatParts(engine, options.engineDir, model);
    const chatWrapper = parts.template ? null : chooseChatWrapper(engine, model);
    return {
      model,
      facts: chatFacts,
      chat: {
        ...{ ...parts, model, context, chatWrapper, contextTokens, facts: chatFacts },
        ...{
          internals,
          batches: new Batches({ internals, isSerial: options.isSerial }),
          readingPace: new ReadingPace(),
        },
      },
    };
  } catch (error) {
    throw explain(engine, error as Error, options, complaints);
  }
};

const startEngine = async (engine: Engine, options: LoadOptions, complaints: string[]): Promise<Llama> => {
  try {
    return await engine.getLlama({
      gpu: options.gpu === 'off' ? false : options.gpu,
      // Never compile on the machine that serves: it takes minutes, and a compiler.
      build: 'never',
      skipDownload: true,
      maxThreads: options.threads,
      logLevel: engine.LlamaLogLevel.warn,
      logger: (level, message) => {
        options.onLog(`engine: ${message.trim()}`);
        if (level === 'error' && complaints.length < 3) complaints.push(message.trim());
      },
    });
  } catch (error) {
    const flag = options.gpu === 'auto' || options.gpu === 'off' ? '' : ` --gpu ${options.gpu}`;
    throw new ModelHostError(
      `The engine has no program for this machine with gpu ${options.gpu}. Run: rightsize engine install${flag}`,
      { cause: error },
    );
  }
};

/** The engine maps files into memory, so that a model larger than memory loads and then crawls: refuse it here. */
const checkMemory = async (llama: Llama, sizeBytes: number): Promise<void> => {
  const { total: vram, unifiedSize } = await llama.getVramState();
  const memory = machineMemory().totalBytes + Math.max(0, vram - unifiedSize);
  if (sizeBytes <= memory) return;
  throw new ModelHostError(
    `The model has ${toGigabytes(sizeBytes)} and this machine ${toGigabytes(memory)} of memory. Choose a smaller model or quantisation.`,
  );
};

const describe = async (
  llama: Llama,
  model: LlamaModel,
  header: HeaderFacts,
  options: LoadOptions & { sizeBytes: number },
): Promise<ModelFacts> => ({
  architecture: header.architecture,
  task: header.task,
  embeds: header.task !== 'rerank' && !(model.fileInsights.hasEncoder && model.fileInsights.hasDecoder),
  ranks: header.task === 'rerank' && model.fileInsights.supportsRanking,
  parameters: header.parameters,
  activeParameters: header.activeParameters,
  quantisation: header.quantisation,
  sizeBytes: options.sizeBytes,
  memoryBytes: estimateMemory(header, options).totalBytes,
  contextTokens: options.contextTokens,
  trainedContextTokens: model.trainContextSize,
  gpu: llama.gpu || 'off',
  gpuDevices: llama.gpu ? await llama.getGpuDeviceNames() : [],
  gpuLayers: model.gpuLayers,
  layers: model.fileInsights.totalLayers,
  flashAttention: String(model.defaultContextFlashAttention),
  threads: options.threads,
  hint: options.gpu === 'auto' && !llama.gpu ? missingGpuBinaries() : null,
});

const chooseChatWrapper = (engine: Engine, model: LlamaModel): ChatWrapper => {
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  if (template !== undefined) {
    try {
      return new engine.JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer });
    } catch {
      // A template that the renderer cannot run: the engine knows most families' formats by heart.
    }
  }
  return engine.resolveChatWrapper(model);
};

const explain = (engine: Engine, error: Error, options: LoadOptions, complaints: string[]): ModelHostError => {
  const file = options.paths[0];
  if (error instanceof engine.InsufficientMemoryError) {
    return new ModelHostError(
      `There is not enough memory for ${file} with ${options.parallel} x ${options.contextTokens} tokens of context. Lower contextTokens or parallel, or choose a smaller model.`,
      { cause: error },
    );
  }
  const reason = [error.message, ...complaints].join('; ');
  return new ModelHostError(`The engine cannot load ${file}: ${reason}. Try another file or quantisation.`, {
    cause: error,
  });
};
