import { createRequire } from 'node:module';
import type { LlamaModel } from 'node-llama-cpp';
import { type Engine, enginePath } from './engine.ts';
import { GrammarCache } from './grammar-cache.ts';

/** A model's own chat template, in Jinja. `render` throws what the template raises, in its words. */
export type ChatTemplate = { text: string; render(values: Record<string, unknown>): string };

/** What answering chats needs beside the model; `template` is null where the file has none that can be run. */
export type ChatParts = { engine: Engine; template: ChatTemplate | null; grammars: GrammarCache };

/** @param engineDir where the engine was looked for; the renderer comes with it. */
export const loadChatParts = (engine: Engine, engineDir: string, model: LlamaModel): ChatParts => ({
  engine,
  template: loadTemplate(engineDir, model),
  grammars: new GrammarCache(model),
});

type Jinja = { Template: new (text: string) => { render(values: Record<string, unknown>): string } };

const loadTemplate = (engineDir: string, model: LlamaModel): ChatTemplate | null => {
  const text = model.fileInfo.metadata.tokenizer.chat_template;
  if (text === undefined) return null;
  try {
    const { Template } = createRequire(enginePath(engineDir))('@huggingface/jinja') as Jinja;
    const template = new Template(text);
    const { bosString, eosString } = model.tokens;
    return {
      text,
      render: (values) => template.render({ bos_token: bosString ?? '', eos_token: eosString ?? '', ...values }),
    };
  } catch {
    // A template that cannot be parsed: the engine knows most families' formats by heart.
    return null;
  }
};
