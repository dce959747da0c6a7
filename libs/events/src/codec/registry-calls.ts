import { Agent as HttpsAgent } from 'node:https';
import { connectionFault, type RegistryAccess, verifiedTls } from '@shop/chassis';
import type { Agent } from 'undici';

/** One request to the registry; `path` follows its URL. Rejects in words when both do not believe each other. */
export type AskRegistry = (path: string, init?: RequestInit) => Promise<Response>;

/** A registry with the login and the certificates that it asks for. */
export interface RegistryCalls {
  /** Without user and password. */
  readonly url: string;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** For clients of Node's own HTTP. */
  readonly agent: HttpsAgent | undefined;
  readonly ask: AskRegistry;
  /** `error` in words for an operator, when it says that both do not believe each other. */
  fault(error: unknown): string | undefined;
}

/** @param address the URL; a user and a password in it are used unless `access` has them */
export function registryCalls(address: string, access: RegistryAccess = {}): RegistryCalls {
  const { url, username, password } = withoutLogin(address);
  const login = loginOf(access) ?? loginOf({ username, password });
  const { host, protocol } = new URL(url);
  const fault = (error: unknown) => connectionFault('SCHEMA_REGISTRY', host, error);
  const tls = protocol === 'https:' ? verifiedTls(access.tls) : undefined;
  const send = tls ? sendBelieving(tls) : fetch;
  const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;

  const ask: AskRegistry = async (path, { headers, ...init } = {}) => {
    try {
      const answer = await send(`${url}${path}`, {
        ...init,
        headers: { ...(headers as Record<string, string>), ...(basic && { authorization: basic }) },
      });
      const refusal = fault(`status ${answer.status}`);
      if (refusal === undefined) return answer;
      await answer.body?.cancel();
      throw new Error(refusal);
    } catch (error) {
      const words = fault(error);
      throw words === undefined ? error : new Error(words, { cause: error });
    }
  };
  return { url, login, agent: tls && new HttpsAgent({ ...tls }), ask, fault };
}

type Send = (url: string, init: RequestInit) => Promise<Response>;

/**
 * A fetch that believes these certificates. Node's own cannot be told them, and undici, which can, is a tenth of what a
 * service loads: it is loaded for a registry with TLS alone.
 */
function sendBelieving(tls: ReturnType<typeof verifiedTls>): Send {
  let dispatcher: Agent | undefined;
  return async (url, init) => {
    const { Agent, fetch: send } = await import('undici');
    dispatcher ??= new Agent({ connect: { ...tls } });
    return (await send(url, { ...init, dispatcher } as Parameters<typeof send>[1])) as unknown as Response;
  };
}

function withoutLogin(address: string) {
  const url = new URL(address);
  const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  url.username = '';
  url.password = '';
  return { url: url.href.replace(/\/$/, ''), username, password };
}

function loginOf({ username, password }: RegistryAccess) {
  return username && password ? { username, password } : undefined;
}
