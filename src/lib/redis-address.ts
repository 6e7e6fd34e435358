import { UsageError } from './usage-error.ts';

/** Where a Redis (or Valkey) is and how to log in. `database` is 0 in a cluster: it has no other. */
export type RedisAddress = {
  username: string | undefined;
  password: string | undefined;
  database: number;
  /** Files in PEM; null for a connection without TLS. */
  tls: { caFile?: string; certFile?: string; keyFile?: string } | null;
} & (
  | { kind: 'server'; host: string; port: number }
  | { kind: 'socket'; path: string }
  | { kind: 'sentinel'; nodes: RedisNode[]; master: string; sentinelUsername?: string; sentinelPassword?: string }
  | { kind: 'cluster'; nodes: RedisNode[] }
);

export type RedisNode = { host: string; port: number };

/**
 * Reads `REDIS_URL`:
 * `redis://[user:password@]host[:6379][/database]` and `rediss://` for TLS
 * (https://www.iana.org/assignments/uri-schemes/prov/redis), `unix:///path/to.sock`,
 * `redis+sentinel://host:26379,host:26379/master[/database]`, `redis+cluster://host:6379,host:6379`, the last two with
 * `rediss+` for TLS. After `?`: `db`, `user`, `password`, `sentinelUser`, `sentinelPassword`, and `ca`, `cert`, `key`
 * for PEM files. User and password are percent-encoded.
 * @throws UsageError in words that never repeat the text: it may hold a password.
 */
export const parseRedisUrl = (url: string): RedisAddress => {
  const [, scheme, authority = '', path = '', query = ''] =
    /^([a-z+]+):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(url.trim()) ?? [];
  const form = scheme === undefined ? undefined : FORMS[scheme.toLowerCase()];
  if (form === undefined) {
    throw new UsageError(`REDIS_URL must begin with ${Object.keys(FORMS).join(', ')}, each followed by ://`);
  }
  const options = readQuery(query, form.options);
  const at = authority.lastIndexOf('@');
  const [user = '', ...rest] = authority.slice(0, Math.max(0, at)).split(':');
  const common = {
    username: decode(user) || options['user'] || undefined,
    password: decode(rest.join(':')) || options['password'] || undefined,
    tls: form.isTls
      ? {
          ...(options['ca'] && { caFile: options['ca'] }),
          ...(options['cert'] && { certFile: options['cert'] }),
          ...(options['key'] && { keyFile: options['key'] }),
        }
      : null,
  };
  if (form.kind === 'socket') {
    if (authority !== '' || path.length < 2) throw new UsageError('REDIS_URL: write unix:///path/to.sock');
    return { ...common, kind: 'socket', path: decode(path), database: readDatabase(options['db']) };
  }
  const nodes = authority
    .slice(at + 1)
    .split(',')
    .map((node) => readNode(node, form.port));
  const segments = path.split('/').slice(1).map(decode);
  if (form.kind === 'cluster') {
    if (nodes.length === 0 || segments.some(Boolean)) {
      throw new UsageError('REDIS_URL: a cluster has no databases; leave out what follows the hosts');
    }
    return { ...common, kind: 'cluster', nodes, database: 0 };
  }
  if (form.kind === 'sentinel') {
    const [master = '', database = ''] = segments;
    if (master === '') throw new UsageError('REDIS_URL: name the master after the sentinels: …host:26379/master');
    const { sentinelUser, sentinelPassword } = options;
    return {
      ...common,
      kind: 'sentinel',
      nodes,
      master,
      database: readDatabase(database || options['db']),
      ...(sentinelUser && { sentinelUsername: sentinelUser }),
      ...(sentinelPassword && { sentinelPassword }),
    };
  }
  const [node] = nodes;
  if (node === undefined || nodes.length > 1) {
    throw new UsageError('REDIS_URL: several hosts need redis+cluster:// or redis+sentinel://');
  }
  return { ...common, kind: 'server', ...node, database: readDatabase(segments[0] || options['db']) };
};

/** The place without user and password, for logs and people. */
export const describeRedis = (address: RedisAddress): string => {
  switch (address.kind) {
    case 'socket':
      return `unix://${address.path}`;
    case 'server':
      return `redis${address.tls ? 's' : ''}://${show(address)}`;
    case 'sentinel':
      return `redis${address.tls ? 's' : ''}+sentinel://${address.nodes.map(show).join(',')}/${address.master}`;
    case 'cluster':
      return `redis${address.tls ? 's' : ''}+cluster://${address.nodes.map(show).join(',')}`;
  }
};

const OPTIONS = ['user', 'password'];
const TLS_OPTIONS = ['ca', 'cert', 'key'];
const SENTINEL_OPTIONS = ['db', 'sentinelUser', 'sentinelPassword'];

type Form = { kind: RedisAddress['kind']; isTls: boolean; port: number; options: string[] };
const FORMS: Record<string, Form | undefined> = {
  redis: { kind: 'server', isTls: false, port: 6379, options: [...OPTIONS, 'db'] },
  rediss: { kind: 'server', isTls: true, port: 6379, options: [...OPTIONS, 'db', ...TLS_OPTIONS] },
  unix: { kind: 'socket', isTls: false, port: 0, options: [...OPTIONS, 'db'] },
  'redis+sentinel': { kind: 'sentinel', isTls: false, port: 26379, options: [...OPTIONS, ...SENTINEL_OPTIONS] },
  'rediss+sentinel': {
    kind: 'sentinel',
    isTls: true,
    port: 26379,
    options: [...OPTIONS, ...SENTINEL_OPTIONS, ...TLS_OPTIONS],
  },
  'redis+cluster': { kind: 'cluster', isTls: false, port: 6379, options: OPTIONS },
  'rediss+cluster': { kind: 'cluster', isTls: true, port: 6379, options: [...OPTIONS, ...TLS_OPTIONS] },
};

const readQuery = (query: string, known: string[]): Record<string, string> => {
  const options = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UsageError(`REDIS_URL: after the ? only these are known here: ${known.join(', ')}`);
  return options;
};

const readNode = (text: string, defaultPort: number): RedisNode => {
  const [, inBrackets, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = inBrackets ?? plain;
  if (host === undefined || Number(port ?? 0) > 65_535) throw new UsageError('REDIS_URL: a host must be host[:port]');
  return { host, port: Number(port ?? defaultPort) };
};

const readDatabase = (text: string | undefined): number => {
  if (text === undefined || text === '') return 0;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new UsageError('REDIS_URL: the database is a number');
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError('REDIS_URL: user, password and path must be percent-encoded');
  }
};

const show = ({ host, port }: RedisNode): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
