/**
 * What looks like a credential, by the shapes that their makers publish: ours (`rs-`, `rsa-`), OpenAI and Anthropic (`sk-`),
 * Groq, xAI, Hugging Face, GitHub, GitLab, Slack, Stripe, AWS, Google, JSON Web Tokens, private keys in PEM, and whatever
 * follows `Bearer` or `password=`.
 */
const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\brsa?-[A-Za-z0-9_-]{43}/g,
  /\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}/g,
  /\b(?:gsk|xai|hf|glpat|npm|pypi)[-_][A-Za-z0-9_-]{16,}/g,
  /\b(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAIza[0-9A-Za-z_-]{35}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /(?<=\bBearer\s+)[A-Za-z0-9._~+/=-]{16,}/gi,
  /(?<=\b(?:password|passwd|secret|api[-_]?key|access[-_]?token)["']?\s*[=:]\s*["']?)[^\s"',;&]{6,}/gi,
];

export const MASK = '[secret]';

/** The text with every part that looks like a credential replaced by `[secret]`. It finds known shapes, not every secret. */
export const maskSecrets = (text: string): string =>
  SECRETS.reduce((masked, pattern) => masked.replace(pattern, MASK), text);

/** The same for every text inside a JSON value, keys excepted. */
export const maskSecretsIn = (value: unknown): unknown => {
  if (typeof value === 'string') return maskSecrets(value);
  if (Array.isArray(value)) return value.map(maskSecretsIn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskSecretsIn(each)]));
};
