import { GatewayError } from '../contract/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { SqlDatabase } from '../lib/sql-database.ts';

/** The same database, whose failures are `key_store_unavailable`; that it fails, and that it is back, is logged once. */
export const explainedDatabase = (database: SqlDatabase, logger: Pick<Logger, 'warn'>): SqlDatabase => {
  let isDown = false;
  const explained = async <Result>(use: () => Promise<Result>): Promise<Result> => {
    try {
      const result = await use();
      if (isDown) logger.warn({}, 'the key store is back');
      isDown = false;
      return result;
    } catch (cause) {
      if (!isDown) logger.warn({ err: cause }, 'the key store cannot be used');
      isDown = true;
      const message = 'Keys cannot be looked up or changed now. Please try again.';
      throw new GatewayError('key_store_unavailable', message, { retryAfterSeconds: 5, cause });
    }
  };
  return {
    query: (text, values) => explained(() => database.query(text, values)),
    write: (statements) => explained(() => database.write(statements)),
    close: () => database.close(),
  };
};
