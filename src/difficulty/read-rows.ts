import type { z } from 'zod';

/** A row that cannot be used; the message names the file, the line and what is wrong. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

/**
 * Reads JSONL row by row from text in chunks of any size, holding one line at a time; empty lines are passed over.
 * @param origin the file's name in messages.
 * @throws RowError at the first row that is not JSON or does not fit the schema.
 */
export async function* readRows<Row>(
  chunks: AsyncIterable<string | Buffer> | Iterable<string>,
  schema: z.ZodType<Row>,
  origin: string,
): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of splitLines(chunks)) {
    line++;
    if (text.trim() !== '') yield parseRow(text, schema, `${origin}, line ${line}`);
  }
}

async function* splitLines(chunks: AsyncIterable<string | Buffer> | Iterable<string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  yield rest + decoder.decode();
}

const parseRow = <Row>(text: string, schema: z.ZodType<Row>, place: string): Row => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RowError(`${place}: not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.');
  throw new RowError(`${place}: ${field ? `${field}: ` : ''}${issue.message}`);
};
