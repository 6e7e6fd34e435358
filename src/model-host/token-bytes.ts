import type { LlamaModel, Token } from 'node-llama-cpp';

/** GPT-2's printable stand-ins for bytes (https://github.com/openai/gpt-2, src/encoder.py), by character. */
const BYTE_OF_SYMBOL: Map<string, number> = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(isPrintable(byte) ? byte : next++), byte] as const),
  );
})();

/**
 * The UTF-8 bytes of a token, also where it is only a part of a character.
 * @returns null when the vocabulary does not tell.
 */
export const toTokenBytes = (model: LlamaModel, token: Token): number[] | null => {
  const text = model.detokenize([token], true);
  if (!text.includes('\uFFFD')) return [...Buffer.from(text)];
  const symbols = symbolsOf(model, token);
  if (symbols === undefined) return null;
  const hexadecimal = /^<0x([0-9A-F]{2})>$/.exec(symbols);
  if (hexadecimal) return [Number.parseInt(hexadecimal[1]!, 16)];
  if (model.fileInfo.metadata.tokenizer.ggml.model !== 'gpt2') return null;
  const bytes = [...symbols].map((symbol) => BYTE_OF_SYMBOL.get(symbol));
  return bytes.every((byte) => byte !== undefined) ? bytes : null;
};

/** The token as the vocabulary writes it; the engine's header has not read that, see `engine-header.ts`. */
const symbolsOf = (model: LlamaModel, token: Token): string | undefined =>
  (model as unknown as { _model: { getTokenString(token: Token): string | undefined } })._model.getTokenString(token);
