import { totalmem } from 'node:os';
import type { ChatWrapper, Llama, LlamaContext, LlamaModel } from 'node-llama-cpp';
import { type Engine, type GpuChoice, loadEngine } from './engine.ts';
import { checkGgufFile } from './gguf-file.ts';
import { ModelHostError } from './model-host-error.ts';

export type LoadOptions = {
  /** The local file; of a model in parts, all of them in order. */
  paths: string[];
  engineDir: string;
  contextTokens: number;
  parallel: number;
  gpu: GpuChoice;
  threads: number;
  /** 0 to 1. */
  onProgress: (progress: number) => void;
  onLog: (line: string) => void;
};

/** A model in memory with one context of `parallel` sequences. */
export type LoadedModel = {
  model: LlamaModel;
  context: LlamaContext;
  chatWrapper: ChatWrapper;
  /** Prompt and answer of one request together; never more than the model was trained on. */
  contextTokens: number;
  facts: ModelFacts;
};

export type ModelFacts = {
  architecture: string;
  sizeBytes: number;
  contextTokens: number;
  trainedContextTokens: number;
  /** `cuda`, `vulkan`, `metal`, or `off` when everything runs on the CPU. */
  gpu: string;
  gpuLayers: number;
  threads: number;
};

/**
 * Checks the files, starts the engine and puts the model into memory: seconds to minutes.
 * @throws ModelHostError when a file is unfit, there is no engine, it refuses the model, or memory does not suffice.
 */
export const loadModel = async (options: LoadOptions): Promise<LoadedModel> => {
  const files = options.paths.map(checkGgufFile);
  const engine = await loadEngine(options.engineDir);
  const complaints: string[] = [];
  const llama = await startEngine(engine, options, complaints);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  await checkMemory(llama, sizeBytes);
  try {
    const model = await llama.loadModel({ modelPath: options.paths[0]!, onLoadProgress: options.onProgress });
    const contextTokens = Math.min(options.contextTokens, model.trainContextSize);
    const context = await model.createContext({ contextSize: contextTokens, sequences: options.parallel });
    return {
      model,
      context,
      chatWrapper: chooseChatWrapper(engine, model),
      contextTokens,
      facts: {
        architecture: files[0]!.architecture,
        sizeBytes,
        contextTokens,
        trainedContextTokens: model.trainContextSize,
        gpu: llama.gpu || 'off',
        gpuLayers: model.gpuLayers,
        threads: options.threads,
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
  const limit = process.constrainedMemory();
  const ram = limit > 0 ? Math.min(totalmem(), limit) : totalmem();
  const { total: vram, unifiedSize } = await llama.getVramState();
  const memory = ram + Math.max(0, vram - unifiedSize);
  if (sizeBytes <= memory) return;
  throw new ModelHostError(
    `The model has ${gigabytes(sizeBytes)} and this machine ${gigabytes(memory)} of memory. Choose a smaller model or quantisation.`,
  );
};

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

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
