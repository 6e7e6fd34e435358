/** A value as SQL knows it; booleans are 0 and 1. */
export type SqlValue = string | number | null;

/** Parameters are `$1`, `$2`, …, as Postgres writes them. */
export type SqlStatement = {
  text: string;
  values: SqlValue[];
  /** The statement must change a row, or nothing of the whole write happens. */
  mustMatch?: boolean;
};

/** A database that speaks the SQL that SQLite and Postgres have in common. Every call rejects when it cannot be done. */
export interface SqlDatabase {
  /** Reads. Columns come as the query names them; whole numbers as numbers. */
  query<Row extends object>(text: string, values?: SqlValue[]): Promise<Row[]>;
  /** Does all statements in one transaction, or none: false when one that must match did not. */
  write(statements: SqlStatement[]): Promise<boolean>;
  close(): Promise<void>;
}
