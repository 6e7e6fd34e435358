import type { Client } from '../feature.ts';
import { aiSdk } from './ai-sdk.ts';
import { anthropic } from './anthropic.ts';
import { codex } from './codex.ts';
import { langchain } from './langchain.ts';
import { openaiNode } from './openai-node.ts';

/** Every client under test; each SDK is loaded once. */
export const loadClients = async (): Promise<Client[]> =>
  (await Promise.all([openaiNode(), aiSdk(), langchain(), anthropic(), codex()])).flat();
