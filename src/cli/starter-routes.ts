import { UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import { UPSTREAM_KINDS, type UpstreamKind } from '../contract/vocabulary.ts';
import type { FoundServer } from './found-servers.ts';

/** A small and a large model of each provider that routes.yaml can begin with; all but the last two have a list price. */
export const STARTER_MODELS: Partial<Record<UpstreamKind, { small: string; large: string }>> = {
  openai: { small: 'gpt-5.4-mini', large: 'gpt-5.6' },
  anthropic: { small: 'claude-haiku-4-5', large: 'claude-opus-5' },
  gemini: { small: 'gemini-2.5-flash-lite', large: 'gemini-2.5-pro' },
  xai: { small: 'grok-4.3', large: 'grok-4.7' },
  mistral: { small: 'mistral-small-latest', large: 'mistral-large-2512' },
  groq: { small: 'openai/gpt-oss-20b', large: 'openai/gpt-oss-120b' },
  together: { small: 'Qwen/Qwen3.5-9B', large: 'openai/gpt-oss-120b' },
  deepseek: { small: 'deepseek-chat', large: 'deepseek-reasoner' },
  openrouter: { small: 'openai/gpt-5.4-mini', large: 'openai/gpt-5.6' },
};
const WITHOUT_LIST_PRICE: readonly UpstreamKind[] = ['deepseek', 'openrouter'];

export type Findings = {
  /** Names of the environment's variables that hold something. */
  variables: ReadonlySet<string>;
  servers: readonly FoundServer[];
};

/** Kinds of upstream whose usual variable holds a key, in order of preference. */
export const providersOf = (variables: ReadonlySet<string>): UpstreamKind[] =>
  (Object.keys(STARTER_MODELS) as UpstreamKind[]).filter((kind) =>
    variables.has(UPSTREAM_DEFAULTS[kind].keyVariable ?? ''),
  );

/**
 * A commented routes.yaml for what was found: local servers, or the model in the box, answer what is easy, the first
 * provider with a key what is hard; the other providers stand in.
 */
export const starterRoutes = ({ variables, servers }: Findings): string => {
  const providers = providersOf(variables);
  const named = withNames(servers.filter(({ models }) => models.length > 0));
  const lines = [
    ...HEAD,
    ...UPSTREAMS_HEAD,
    ...named.map(({ name, kind, url }) => `  ${name}: { kind: ${kind}${isUsual(kind, url) ? '' : `, url: "${url}"`} }`),
    ...(named.length > 0 || providers.length > 0 ? [] : BOX),
    ...providers.map(cloudUpstream),
    ...(providers.length > 0 ? [] : ['  # Left out until OPENAI_API_KEY is set.', cloudUpstream('openai')]),
    ...(variables.has('AZURE_OPENAI_API_KEY') ? AZURE : []),
    ...TIERS_HEAD,
    '  - name: small',
    '    models:',
    ...smallModels(named, providers),
    '  - name: large',
    '    models:',
    ...largeModels(providers.length > 0 ? providers : ['openai']),
    ...ROUTES,
  ];
  return `${lines.join('\n')}\n`;
};

type NamedServer = FoundServer & { name: string };

/** By kind; a second one of its kind is told apart by its port. */
const withNames = (servers: readonly FoundServer[]): NamedServer[] =>
  servers.map((server, index) => {
    const isTaken = servers.slice(0, index).some(({ kind }) => kind === server.kind);
    return { ...server, name: isTaken ? `${server.kind}-${new URL(server.url).port}` : server.kind };
  });

const smallModels = (servers: readonly NamedServer[], providers: readonly UpstreamKind[]): string[] => {
  if (servers.length === 0 && providers.length === 0) return ['      - { upstream: box }'];
  if (servers.length === 0) {
    return providers.map((kind, index) => entry(kind, STARTER_MODELS[kind]!.small, index > 0));
  }
  return servers.flatMap(({ name, models: [first = '', ...others] }) => [
    entry(name, first),
    ...(others.length > 0 ? [`      # Also there: ${others.slice(0, MOST_SHOWN).map(oneLine).join(', ')}`] : []),
  ]);
};

const MOST_SHOWN = 8;

const largeModels = (providers: readonly UpstreamKind[]): string[] =>
  providers.flatMap((kind, index) => [
    ...(WITHOUT_LIST_PRICE.includes(kind) ? NO_PRICE : []),
    entry(kind, STARTER_MODELS[kind]!.large, index > 0),
  ]);

const isUsual = (kind: UpstreamKind, url: string): boolean => url === UPSTREAM_DEFAULTS[kind].url;

const cloudUpstream = (kind: UpstreamKind): string =>
  `  ${kind}: { kind: ${kind}, apiKey: "${reference(UPSTREAM_DEFAULTS[kind].keyVariable ?? '')}" }`;

/** As routes.yaml refers to a variable. */
const reference = (variable: string): string => `\${${variable}}`;

const entry = (upstream: string, model: string, isReserve = false): string =>
  `      - { upstream: ${upstream}, model: ${JSON.stringify(model)}${isReserve ? ', weight: 0' : ''} }`;

/** Names come from servers; one with a line break would leave its comment. */
const oneLine = (name: string): string => name.replace(/[\p{Cc}\u2028\u2029]/gu, ' ').slice(0, 80);

const HEAD = [
  '# Written by `rightsize init`. Rightsize reads this file at start and whenever it changes; `rightsize check` validates',
  '# it, `rightsize doctor` looks at what it needs, docs/configuration.md explains every key.',
  'version: 1',
  '',
];
const SERVER_KINDS = UPSTREAM_KINDS.filter((kind) => kind !== 'llama');
const UPSTREAMS_HEAD = [
  '# Places that answer requests. Keys stay in the environment; an upstream whose key is not set is left out.',
  `# Kinds: ${SERVER_KINDS.slice(0, 10).join(', ')},`,
  `# ${SERVER_KINDS.slice(10).join(', ')}; llama runs a GGUF file itself.`,
  'upstreams:',
];
const BOX = [
  '  # No local server was found. The model in the box knows little; a real one: `model: hf:Qwen/Qwen3-4B-GGUF:Q4_K_M`,',
  '  # `rightsize models pull --fit` finds the best for this machine.',
  '  box: { kind: llama, model: "builtin:nano", contextTokens: 2048 }',
];
const AZURE = [
  '  # AZURE_OPENAI_API_KEY is set; Azure needs the address of your resource:',
  `  # azure: { kind: azure, url: "https://NAME.openai.azure.com/openai/v1", apiKey: "${reference('AZURE_OPENAI_API_KEY')}" }`,
];
const TIERS_HEAD = [
  '',
  '# Ranks of models, weakest and cheapest first. Weight 0: only when the models above fail.',
  'tiers:',
];
const NO_PRICE = ['      # No list price is known: costs are unknown until you add `price: { input: …, output: … }`.'];
const ROUTES = [
  '',
  '# Rules for requests; the first whose conditions all hold decides.',
  'routes:',
  '  - name: default',
  '    # Clients that send `model: "auto"` leave the choice to this rule.',
  '    match: { model: auto }',
  '    # Each request gets a difficulty from 0 to 1; at or above the threshold it goes to the strongest tier.',
  '    difficulty: { threshold: 0.40 }',
  '    # Hand an answer on when the small model is not sure of it (docs/escalation.md):',
  '    # escalate: { minConfidence: 0.7 }',
  '    # Answer a repeated request from memory for an hour:',
  '    # cache: { ttl: 1h }',
  '',
  '# Prompts and where they must go; `rightsize check` runs them.',
  'tests:',
  '  - prompt: What is the capital of France?',
  '    expect: { tier: small }',
];
