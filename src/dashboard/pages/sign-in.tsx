import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Session } from '../../contract/admin/session.ts';
import { callApi } from '../lib/api.ts';

export const SignInPage = () => {
  const queries = useQueryClient();
  const [key, setKey] = useState('');
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setIsBusy(true);
    setFailure(null);
    try {
      const session = await callApi<Session>('/session', { method: 'POST', body: { key } });
      queries.setQueryData(['session'], session);
    } catch (error) {
      setFailure((error as Error).message);
      setIsBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <span className="brand">
          <img src="/dashboard/icon.svg" alt="" />
          Rightsize
        </span>
        <h1>Sign in</h1>
        <p className="hint">
          With the admin key, or a viewer key that <code>rightsize keys create --role viewer</code> made. The gateway
          says at its start where the admin key is kept.
        </p>
        <label className="field">
          <span>Key</span>
          <input
            type="password"
            autoComplete="current-password"
            required
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        {failure !== null && (
          <p className="notice notice-bad" role="alert">
            {failure}
          </p>
        )}
        <button type="submit" className="button button-main" disabled={isBusy}>
          {isBusy ? 'Signing in' : 'Sign in'}
        </button>
      </form>
    </main>
  );
};
