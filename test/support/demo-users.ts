import type { Api } from './api.ts';
import { expectStatus } from './api.ts';

/** `Authorization` of a demo user. */
export async function demoToken(api: Api, userId: number, scope?: 'ops'): Promise<Record<string, string>> {
  const body = { userId, ...(scope && { scope }) };
  const answer = await api.request<{ token: string }>('POST', '/auth/demo-token', { body });
  return { authorization: `Bearer ${expectStatus(answer, 200).body.token}` };
}
