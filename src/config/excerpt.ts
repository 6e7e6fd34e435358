import { nearest } from './did-you-mean.ts';
import type { ConfigPosition } from './loaded-config.ts';

const WIDTH = 120;
/** What a password in a URL or a well-known kind of key looks like, wherever it stands. */
const TELLTALE = /(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]{1,256}(?=@)|\b(?:sk|gsk|xai|pk|rk)[-_][\w-]{8,}/g;
const AFTER_SECRET_KEY = /(?<=(?:api[-_]?key|authorization|password|passwd|secret|token|cookie)["'\s:=]{1,8}).*/i;
const HARMLESS_OR_CHARACTER = /\$\{\w*\}|[\s"'{}]|./g;

const SECRET_KEY = /((^|[-_]|api|access|auth)key|authorization|password|passwd|secret|credential|cookie)s?$|token$/i;

/** Whether a key's value is a secret by its name: `apiKey`, `x-api-key`, `apiKye`; not `apiKeyFile`, `tokens`. */
export const isSecretKey = (key: unknown): boolean =>
  typeof key === 'string' && (SECRET_KEY.test(key) || nearest(key, ['apiKey']) !== null);

/** Replaces what looks like a secret by as many asterisks, so that columns stay. */
export const maskTelltales = (text: string): string => text.replace(TELLTALE, (secret) => '*'.repeat(secret.length));

/** Masks all that follows a secret's key, for a line whose YAML could not be read. */
export const maskAfterSecretKey = (line: string): string =>
  line.replace(AFTER_SECRET_KEY, (rest) =>
    rest.replace(HARMLESS_OR_CHARACTER, (piece) =>
      piece.startsWith('${') || /["'\s{}]/.test(piece) ? piece : '*'.repeat(piece.length),
    ),
  );

/**
 * A line with a caret under a column, as two lines of text; long lines are cut around the caret.
 * Control characters become dots, so that a hostile file cannot drive the reader's terminal.
 */
export const excerptOf = (line: string, { column }: ConfigPosition): string => {
  const start = column <= WIDTH ? 0 : column - WIDTH / 2;
  const shown = line
    .slice(start, start + WIDTH)
    .replaceAll('\t', ' ')
    .replace(/\p{Cc}/gu, '·')
    .trimEnd();
  return `${shown}\n${' '.repeat(column - 1 - start)}^`;
};
