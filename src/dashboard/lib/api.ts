/** An answer of the gateway that is no success, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;

  constructor(
    status: number,
    { message, code, param }: { message: string; code?: string | null; param?: string | null },
  ) {
    super(message);
    this.status = status;
    this.code = code ?? null;
    this.param = param ?? null;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** The path with its query; empty values are left out. */
export const withQuery = (path: string, query: Query = {}): string => {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
};

/**
 * Asks the admin API. The cookie of the session goes along by itself; the header tells the gateway that it is us.
 * @throws ApiError with the status and the words of the gateway; `status` 0 when it cannot be reached.
 */
export const callApi = async <Result>(
  path: string,
  {
    method = 'GET',
    body,
    query,
    headers = {},
    signal,
  }: {
    method?: string;
    body?: unknown;
    query?: Query;
    headers?: Record<string, string>;
    signal?: AbortSignal;
  } = {},
): Promise<Result> => {
  const response = await fetch(`/admin/api${withQuery(path, query)}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(method !== 'GET' && { 'x-rightsize-csrf': '1' }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { message: 'The gateway cannot be reached.' });
  });
  if (!response.ok) throw new ApiError(response.status, await readError(response));
  return (response.status === 204 ? undefined : await response.json()) as Result;
};

const readError = async (response: Response): Promise<{ message: string }> => {
  try {
    return ((await response.json()) as { error: { message: string } }).error;
  } catch {
    return { message: `The gateway answered with status ${response.status}.` };
  }
};
